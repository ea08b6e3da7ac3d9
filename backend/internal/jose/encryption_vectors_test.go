package jose

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
)

// RFC 7516 appendix A.1 to A.3: the content keys, and what they encrypt. The tokens themselves are made with
// RSA-OAEP (SHA-1), RSA1_5 and A128KW, which are not acceptable here.
const (
	rfc7516A1Key   = "saH0gFSP4XM_tAP_a5rU9ooHbltwLiJpL4LLLnrqQPw"
	rfc7516A1      = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKoTCVJRgckCL9kiMT03JGeipsEdY3mx_etLbbWSrFr05kLzcSr4qKAq7YN7e9jwQRb23nfa6c9d-StnImGyFDbSv04uVuxIp5Zms1gNxKKK2Da14B8S4rzVRltdYwam_lDp5XnZAYpQdb76FdIKLaVmqgfwX7XWRxv2322i-vDxRfqNzo_tETKzpVLzfiwQyeyPGLBIO56YJ7eObdv0je81860ppamavo35UgoRdbYaBcoh9QcfylQr66oc6vFWXRcZ_ZT2LawVCWTIy3brGPi6UklfCpIMfIjf7iGdXKHzg.48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A.XFBoMYUZodetZdvTiFvSkQ"
	rfc7516A2Key   = "BNMfxVSd_P4LZJ36P6pqzmt81C1vawnbyLEA8I-cLM8"
	rfc7516A2      = "eyJhbGciOiJSU0ExXzUiLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0..AxY8DCtDaGlsbGljb3RoZQ.KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY.9hH0vgRfYgPnAHOd8stkvw"
	rfc7516A3Share = "GawgguFyGrWKav7AX4VKUg"
	rfc7516A3      = "eyJhbGciOiJBMTI4S1ciLCJlbmMiOiJBMTI4Q0JDLUhTMjU2In0.6KB707dM9YTIgHtLvtgWQ8mKwboJW3of9locizkDTHzBC2IlrT1oOQ.AxY8DCtDaGlsbGljb3RoZQ.KDlTtXchhZTGufMYmOYGS4HffxPSUrfmqCHXaI9wOGY.U0m_YmjN04DJvceFICbCVQ"
)

func unbase64(t testing.TB, text string) []byte {
	t.Helper()
	decoded, ok := decodeSegment(text)
	if !ok {
		t.Fatalf("%q is no base64url", text)
	}
	return decoded
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	decoded, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return decoded
}

func TestRFC7516Examples(t *testing.T) {
	a3, err := unwrapKey(unbase64(t, rfc7516A3Share), unbase64(t, strings.Split(rfc7516A3, ".")[1]))
	if err != nil {
		t.Fatalf("RFC 7516 A.3.3: %v", err)
	}
	if wrapped, err := wrapKey(unbase64(t, rfc7516A3Share), a3); err != nil || !bytes.Equal(wrapped, unbase64(t, strings.Split(rfc7516A3, ".")[1])) {
		t.Errorf("RFC 7516 A.3.3: wrapped %x, %v", wrapped, err)
	}
	for name, c := range map[string]struct {
		token, want string
		key         []byte
	}{
		"RFC 7516 A.1": {rfc7516A1, "The true sign of intelligence is not knowledge but imagination.", unbase64(t, rfc7516A1Key)},
		"RFC 7516 A.2": {rfc7516A2, "Live long and prosper.", unbase64(t, rfc7516A2Key)},
		"RFC 7516 A.3": {rfc7516A3, "Live long and prosper.", a3},
	} {
		t.Run(name, func(t *testing.T) {
			parts, err := splitEncrypted(c.token)
			if err != nil {
				t.Fatal(err)
			}
			known := contents[parts.Encryption]
			if got, err := known.decrypt(c.key, parts); err != nil || string(got) != c.want {
				t.Fatalf("%q, %v", got, err)
			}
			aead, _ := known.open(c.key)
			sealed := aead.Seal(nil, parts.nonce, []byte(c.want), parts.additional)
			if !bytes.Equal(sealed, append(parts.ciphertext, parts.tag...)) {
				t.Errorf("sealed %x", sealed)
			}
		})
	}
}

// Both sides of the example come to the same key.
func TestRFC7518AppendixC(t *testing.T) {
	alice, err := ecdh.P256().NewPrivateKey(unbase64(t, "0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo"))
	if err != nil {
		t.Fatal(err)
	}
	bob, err := ecdh.P256().NewPrivateKey(unbase64(t, "VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw"))
	if err != nil {
		t.Fatal(err)
	}
	if got := *encodePoint(alice.PublicKey()); got != (ephemeralKey{"EC", "P-256", "gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0", "SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps"}) {
		t.Errorf("the ephemeral key is written as %+v", got)
	}
	for name, pair := range map[string][2]*ecdh.PrivateKey{"Alice": {alice, bob}, "Bob": {bob, alice}} {
		agreed, err := pair[0].ECDH(pair[1].PublicKey())
		if err != nil {
			t.Fatal(err)
		}
		derived := concatKDF(agreed, "A128GCM", unbase64(t, "QWxpY2U"), unbase64(t, "Qm9i"), 16)
		if got := base64.RawURLEncoding.EncodeToString(derived); got != "VqqN6vgjbSBcIijNcacQGg" {
			t.Errorf("%s derives %s", name, got)
		}
	}
}

// RFC 7518 appendix B.1 and B.3: the text of Kerckhoffs' second principle.
func TestRFC7518AppendixB(t *testing.T) {
	sequence := func(size int) []byte {
		bytes := make([]byte, size)
		for i := range bytes {
			bytes[i] = byte(i)
		}
		return bytes
	}
	plaintext := []byte("A cipher system must not be required to be secret, and it must be able to fall into the hands of the enemy without inconvenience")
	nonce, additional := unhex(t, "1af38c2dc2b96ffdd86694092341bc04"), []byte("The second principle of Auguste Kerckhoffs")
	for encryption, tag := range map[Encryption]string{
		A128CBCHS256: "652c3fa36b0a7c5b3219fab3a30bc1c4",
		A256CBCHS512: "4dd3b4c088a7f45c216839645b2012bf2e6269a8c56a816dbc1b267761955bc5",
	} {
		known := contents[encryption]
		aead, err := known.open(sequence(known.keyBytes))
		if err != nil {
			t.Fatal(err)
		}
		sealed := aead.Seal(nil, nonce, plaintext, additional)
		if got := hex.EncodeToString(sealed[len(sealed)-known.tagBytes:]); got != tag {
			t.Errorf("%s: tag %s, want %s", encryption, got, tag)
		}
		if got, err := aead.Open(nil, nonce, sealed, additional); err != nil || !bytes.Equal(got, plaintext) {
			t.Errorf("%s: %q, %v", encryption, got, err)
		}
	}
}

func TestRFC3394Examples(t *testing.T) {
	for section, c := range map[string][3]string{
		"4.1": {"000102030405060708090A0B0C0D0E0F", "00112233445566778899AABBCCDDEEFF", "1FA68B0A8112B447AEF34BD8FB5A7B829D3E862371D2CFE5"},
		"4.6": {"000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F", "28C9F404C4B810F4CBCCB35CFB87F8263F5786E2D80ED326CBC7F0E71A99F43BFB988B9B7A02DD21"},
	} {
		with, key, want := unhex(t, c[0]), unhex(t, c[1]), unhex(t, c[2])
		if got, err := wrapKey(with, key); err != nil || !bytes.Equal(got, want) {
			t.Errorf("RFC 3394 §%s: %x, %v", section, got, err)
		}
		if got, err := unwrapKey(with, want); err != nil || !bytes.Equal(got, key) {
			t.Errorf("RFC 3394 §%s: %x, %v", section, got, err)
		}
		for at := range want {
			changed := bytes.Clone(want)
			changed[at] ^= 1
			if got, err := unwrapKey(with, changed); err == nil {
				t.Errorf("RFC 3394 §%s: byte %d changed: %x", section, at, got)
			}
		}
	}
}

// RFC 7520 §5.4 and §5.5, the cookbook's whole tokens.
func TestRFC7520Examples(t *testing.T) {
	const text = "You can trust us to stick with you through thick and thin–to the bitter end. And you can trust us to keep any secret of yours–closer than you keep it yourself. But you cannot trust us to let you face trouble alone, and go off without a word. We are your friends, Frodo."
	for name, c := range map[string]struct {
		curve         elliptic.Curve
		d, token, kid string
		algorithm     Algorithm
		encryption    Encryption
	}{
		"RFC 7520 §5.4": {elliptic.P384(), "iTx2pk7wW-GqJkHcEkFQb2EFyYcO7RugmaW3mRrQVAOUiPommT0IdnYK2xDlZh-j", rfc7520Section54, "peregrin.took@tuckborough.example", ECDHESA128KW, A128GCM},
		"RFC 7520 §5.5": {elliptic.P256(), "r_kHyZ-a06rmxM3yESK84r1otSg-aQcVStkRhA-iCM8", rfc7520Section55, "meriadoc.brandybuck@buckland.example", ECDHES, A128CBCHS256},
	} {
		t.Run(name, func(t *testing.T) {
			private, err := ecdsa.ParseRawPrivateKey(c.curve, unbase64(t, c.d))
			if err != nil {
				t.Fatal(err)
			}
			key, err := newDecryptionKey(c.algorithm, private)
			if err != nil {
				t.Fatal(err)
			}
			lookup := func(string, Algorithm) ([]*DecryptionKey, error) { return []*DecryptionKey{key}, nil }
			got, err := Decrypt(c.token, lookup, []Algorithm{c.algorithm}, []Encryption{c.encryption})
			if err != nil || string(got.Payload) != text || got.KeyID != c.kid {
				t.Fatalf("%+v, %v", got, err)
			}
		})
	}
}

const (
	rfc7520Section54 = "eyJhbGciOiJFQ0RILUVTK0ExMjhLVyIsImtpZCI6InBlcmVncmluLnRvb2tAdHVja2Jvcm91Z2guZXhhbXBsZSIsImVwayI6eyJrdHkiOiJFQyIsImNydiI6IlAtMzg0IiwieCI6InVCbzRrSFB3Nmtiang1bDB4b3dyZF9vWXpCbWF6LUdLRlp1NHhBRkZrYllpV2d1dEVLNml1RURzUTZ3TmROZzMiLCJ5Ijoic3AzcDVTR2haVkMyZmFYdW1JLWU5SlUyTW84S3BvWXJGRHI1eVBOVnRXNFBnRXdaT3lRVEEtSmRhWTh0YjdFMCJ9LCJlbmMiOiJBMTI4R0NNIn0.0DJjBXri_kBcC46IkU5_Jk9BqaQeHdv2.mH-G2zVqgztUtnW_.tkZuOO9h95OgHJmkkrfLBisku8rGf6nzVxhRM3sVOhXgz5NJ76oID7lpnAi_cPWJRCjSpAaUZ5dOR3Spy7QuEkmKx8-3RCMhSYMzsXaEwDdXta9Mn5B7cCBoJKB0IgEnj_qfo1hIi-uEkUpOZ8aLTZGHfpl05jMwbKkTe2yK3mjF6SBAsgicQDVCkcY9BLluzx1RmC3ORXaM0JaHPB93YcdSDGgpgBWMVrNU1ErkjcMqMoT_wtCex3w03XdLkjXIuEr2hWgeP-nkUZTPU9EoGSPj6fAS-bSz87RCPrxZdj_iVyC6QWcqAu07WNhjzJEPc4jVntRJ6K53NgPQ5p99l3Z408OUqj4ioYezbS6vTPlQ.WuGzxmcreYjpHGJoa17EBg"
	rfc7520Section55 = "eyJhbGciOiJFQ0RILUVTIiwia2lkIjoibWVyaWFkb2MuYnJhbmR5YnVja0BidWNrbGFuZC5leGFtcGxlIiwiZXBrIjp7Imt0eSI6IkVDIiwiY3J2IjoiUC0yNTYiLCJ4IjoibVBVS1RfYkFXR0hJaGcwVHBqanFWc1AxclhXUXVfdndWT0hIdE5rZFlvQSIsInkiOiI4QlFBc0ltR2VBUzQ2ZnlXdzVNaFlmR1RUMElqQnBGdzJTUzM0RHY0SXJzIn0sImVuYyI6IkExMjhDQkMtSFMyNTYifQ..yc9N8v5sYyv3iGQT926IUg.BoDlwPnTypYq-ivjmQvAYJLb5Q6l-F3LIgQomlz87yW4OPKbWE1zSTEFjDfhU9IPIOSA9Bml4m7iDFwA-1ZXvHteLDtw4R1XRGMEsDIqAYtskTTmzmzNa-_q4F_evAPUmwlO-ZG45Mnq4uhM1fm_D9rBtWolqZSF3xGNNkpOMQKF1Cl8i8wjzRli7-IXgyirlKQsbhhqRzkv8IcY6aHl24j03C-AR2le1r7URUhArM79BY8soZU0lzwI-sD5PZ3l4NDCCei9XkoIAfsXJWmySPoeRb2Ni5UZL4mYpvKDiwmyzGd65KqVw7MsFfI_K767G9C9Azp73gKZD0DyUn1mn0WW5LmyX_yJ-3AROq8p1WZBfG-ZyJ6195_JGG2m9Csg.WCCkNa-x4BeB9hIDIfFuhg"
)
