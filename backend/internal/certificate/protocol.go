package certificate

import "crypto/tls"

// ServerConfig is how Clavex speaks TLS: versions 1.2 and 1.3; in 1.2 only suites with ephemeral keys and
// authenticated encryption that RFC 9325 §4.2 recommends. The suites of 1.3 are all fine and not to be chosen.
// certificateOf is asked at each full handshake.
func ServerConfig(certificateOf func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		CipherSuites: []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		},
		CurvePreferences: []tls.CurveID{tls.X25519MLKEM768, tls.X25519, tls.CurveP256, tls.CurveP384},
		GetCertificate:   certificateOf,
	}
}
