package passwordhash

// Scheme is how passwords are hashed, whatever it costs.
type Scheme string

// The schemes that are verified.
const (
	Argon2   Scheme = "argon2"
	Bcrypt   Scheme = "bcrypt"
	PBKDF2   Scheme = "pbkdf2"
	Scrypt   Scheme = "scrypt"
	SHACrypt Scheme = "sha-crypt"
	Firebase Scheme = "firebase-scrypt"
)

// Schemes returns all.
func Schemes() []Scheme { return []Scheme{Argon2, Bcrypt, PBKDF2, Scrypt, SHACrypt, Firebase} }

// Kind is what the verification of a hash costs: its scheme and parameters. It is written as a hash of that kind whose salt and tag
// are blank, so that it can be worked with; it is the hash of no password that anybody could find, and says nothing about the hashes
// of its kind.
type Kind string

// KindOf returns the kind of a stored hash, whoever made it. It does not look whether the kind costs too much to be verified, see
// Check. ErrMalformed when the form is not known.
func KindOf(encoded string) (Kind, error) {
	inner, format, err := formatOf(encoded)
	if err != nil {
		return "", err
	}
	blank, before := []byte(encoded), len(encoded)-len(inner)
	places := format.pattern.FindStringSubmatchIndex(inner)
	for _, group := range format.own {
		for place := places[2*group]; place < places[2*group+1]; place++ {
			if blank[before+place] != '=' { // of base64, where it tells a length
				blank[before+place] = format.scheme.zero()
			}
		}
	}
	return Kind(blank), nil
}

// Scheme returns the scheme of a kind that can be verified. The error is ErrMalformed.
func (k Kind) Scheme() (Scheme, error) {
	_, scheme, err := read(string(k))
	return scheme, err
}

// zero is the digit zero of the encoding that a scheme writes bytes in.
func (s Scheme) zero() byte {
	if s == Bcrypt || s == SHACrypt {
		return '.'
	}
	return 'A'
}
