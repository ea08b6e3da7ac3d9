package jose

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

// concatKDF derives a key from an agreed secret: the Concat KDF of NIST SP 800-56A §5.8.1 with SHA-256 and
// the other information of RFC 7518 §4.6.2. name is the "enc" of ECDH-ES, or the "alg" of ECDH-ES+A…KW.
func concatKDF(agreed []byte, name string, partyU, partyV []byte, size int) []byte {
	var information []byte
	for _, part := range [][]byte{[]byte(name), partyU, partyV} {
		information = binary.BigEndian.AppendUint32(information, uint32(len(part)))
		information = append(information, part...)
	}
	information = binary.BigEndian.AppendUint32(information, uint32(size)*8)
	var derived []byte
	for round := uint32(1); len(derived) < size; round++ {
		state := sha256.New()
		state.Write(binary.BigEndian.AppendUint32(nil, round))
		state.Write(agreed)
		state.Write(information)
		derived = state.Sum(derived)
	}
	return derived[:size]
}

// wrapCheck is the initial value of RFC 3394 §2.2.3.1: it shows whether an unwrapped key is whole.
var wrapCheck = [8]byte{0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6}

// wrapKey is AES Key Wrap (RFC 3394 §2.2.1) of a key of 16 bytes or more in blocks of 8.
func wrapKey(with, key []byte) ([]byte, error) {
	block, err := aes.NewCipher(with)
	if err != nil {
		return nil, err
	}
	if len(key) < 16 || len(key)%8 != 0 {
		return nil, errors.New("jose: a key of this size cannot be wrapped")
	}
	wrapped := append(wrapCheck[:], key...)
	var buffer [aes.BlockSize]byte
	step := uint64(1)
	for range 6 {
		for at := 8; at < len(wrapped); at += 8 {
			copy(buffer[:8], wrapped[:8])
			copy(buffer[8:], wrapped[at:at+8])
			block.Encrypt(buffer[:], buffer[:])
			countStep(wrapped[:8], buffer[:8], step)
			copy(wrapped[at:at+8], buffer[8:])
			step++
		}
	}
	return wrapped, nil
}

// unwrapKey reverses wrapKey (RFC 3394 §2.2.2). The error is ErrDecryption.
func unwrapKey(with, wrapped []byte) ([]byte, error) {
	block, err := aes.NewCipher(with)
	if err != nil || len(wrapped) < 24 || len(wrapped)%8 != 0 {
		return nil, ErrDecryption
	}
	key := append([]byte(nil), wrapped...)
	unwrapSteps(block, key)
	if subtle.ConstantTimeCompare(key[:8], wrapCheck[:]) != 1 {
		return nil, ErrDecryption
	}
	return key[8:], nil
}

func unwrapSteps(block cipher.Block, key []byte) {
	var buffer [aes.BlockSize]byte
	for step := uint64(6 * (len(key)/8 - 1)); step > 0; {
		for at := len(key) - 8; at >= 8; at -= 8 {
			countStep(buffer[:8], key[:8], step)
			copy(buffer[8:], key[at:at+8])
			block.Decrypt(buffer[:], buffer[:])
			copy(key[:8], buffer[:8])
			copy(key[at:at+8], buffer[8:])
			step--
		}
	}
}

// countStep writes a register of 8 bytes with the number of the step mixed in.
func countStep(into, register []byte, step uint64) {
	binary.BigEndian.PutUint64(into, binary.BigEndian.Uint64(register)^step)
}
