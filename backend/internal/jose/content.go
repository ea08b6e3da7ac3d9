package jose

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/subtle"
	"encoding/binary"
	"hash"
)

// cbcHMAC is AES in CBC mode with an HMAC over additional data, nonce and ciphertext (RFC 7518 §5.2), in
// the form of cipher.AEAD: the tag stands behind the ciphertext.
type cbcHMAC struct {
	block  cipher.Block
	macKey []byte
	hash   func() hash.Hash
}

// newCBCHMAC splits the key: its first half authenticates, the second encrypts (§5.2.2.1).
func newCBCHMAC(key []byte, hash func() hash.Hash) (cipher.AEAD, error) {
	half := len(key) / 2
	block, err := aes.NewCipher(key[half:])
	if err != nil {
		return nil, err
	}
	return &cbcHMAC{block, key[:half], hash}, nil
}

func (c *cbcHMAC) NonceSize() int { return aes.BlockSize }

// Overhead is the most by which a sealed value is longer: the padding and the tag.
func (c *cbcHMAC) Overhead() int { return aes.BlockSize + len(c.macKey) }

// tag is the first half of the HMAC; the additional data's length in bits ends the input (§5.2.2.1).
func (c *cbcHMAC) tag(nonce, ciphertext, additional []byte) []byte {
	state := hmac.New(c.hash, c.macKey)
	state.Write(additional)
	state.Write(nonce)
	state.Write(ciphertext)
	state.Write(binary.BigEndian.AppendUint64(nil, uint64(len(additional))*8))
	return state.Sum(nil)[:len(c.macKey)]
}

func (c *cbcHMAC) Seal(dst, nonce, plaintext, additional []byte) []byte {
	padding := aes.BlockSize - len(plaintext)%aes.BlockSize
	ciphertext := make([]byte, len(plaintext)+padding)
	copy(ciphertext, plaintext)
	for i := len(plaintext); i < len(ciphertext); i++ {
		ciphertext[i] = byte(padding)
	}
	cipher.NewCBCEncrypter(c.block, nonce).CryptBlocks(ciphertext, ciphertext)
	return append(append(dst, ciphertext...), c.tag(nonce, ciphertext, additional)...)
}

// Open looks at the padding only after the tag was right, so there is no oracle in it.
func (c *cbcHMAC) Open(dst, nonce, sealed, additional []byte) ([]byte, error) {
	end := len(sealed) - len(c.macKey)
	if len(nonce) != aes.BlockSize || end < aes.BlockSize || end%aes.BlockSize != 0 {
		return nil, ErrDecryption
	}
	ciphertext := sealed[:end]
	if subtle.ConstantTimeCompare(sealed[end:], c.tag(nonce, ciphertext, additional)) != 1 {
		return nil, ErrDecryption
	}
	plaintext := make([]byte, end)
	cipher.NewCBCDecrypter(c.block, nonce).CryptBlocks(plaintext, ciphertext)
	padding := int(plaintext[end-1])
	if padding < 1 || padding > aes.BlockSize {
		return nil, ErrDecryption
	}
	for _, b := range plaintext[end-padding:] {
		if int(b) != padding {
			return nil, ErrDecryption
		}
	}
	return append(dst, plaintext[:end-padding]...), nil
}
