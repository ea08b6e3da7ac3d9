package client

import (
	"crypto/sha256"
	"testing"
)

// A secret of 256 random bits needs no slow hash (fault 13 of the reference list): what is stored is its
// SHA-256 digest and nothing else.
func TestSecretsAreComparedByDigest(t *testing.T) {
	digest := sha256.Sum256([]byte("correct"))
	found := &Client{AuthenticationMethod: ClientSecretBasic, SecretHash: digest[:]}
	if !found.SecretMatches("correct") || found.SecretMatches("correct ") || found.SecretMatches("") {
		t.Error("the secret is not compared by its SHA-256 digest")
	}
	if (&Client{AuthenticationMethod: None}).SecretMatches("") {
		t.Error("a client without a secret accepts the empty one")
	}
}
