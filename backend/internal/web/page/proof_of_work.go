package page

// ProofOfWork is what a form needs that is taken only with the answer to a challenge: fields "challenge" and "solution".
type ProofOfWork struct {
	Challenge string
	Parts     int // of the answer
	Seconds   int // after which the form is taken without an answer, of who has no JavaScript
}
