package login

import (
	"time"

	"github.com/google/uuid"
)

// Upstream is a sign-in at a provider elsewhere that was begun and has not come back.
type Upstream struct {
	ProviderID uuid.UUID `json:"provider_id"`
	State      []byte    `json:"state,omitempty"` // hash of the parameter; empty before the browser went there
	Link       bool      `json:"link,omitempty"`  // the account elsewhere is to be linked to that of who is signed in
}

// Linking is an account elsewhere that somebody proved to be theirs and that is linked to nobody here yet.
type Linking struct {
	ProviderID uuid.UUID `json:"provider_id"`
	SealedBy   string    `json:"sealed_by"`
	Sealed     []byte    `json:"sealed"` // LinkingData
	// Since: it is linked to the account of somebody who proved themselves here no earlier.
	Since time.Time `json:"since"`
}

// LinkingData is who somebody is elsewhere.
type LinkingData struct {
	Subject string `json:"subject"`
	Name    string `json:"name,omitempty"`
}

// MayGoUpstream reports whether a sign-in elsewhere is another answer to the sign-in form, or was asked for to link it.
func (t *Transaction) MayGoUpstream(facts Facts, providerID uuid.UUID) bool {
	if pending := t.Progress.Upstream; pending != nil && pending.Link {
		return pending.ProviderID == providerID && t.Next(facts) != Authenticate
	}
	return t.Next(facts) == Authenticate
}

// WantsToLink reports that somebody who is signed in wants to link an account at a provider.
func (t *Transaction) WantsToLink(providerID uuid.UUID) {
	t.Progress.Upstream = &Upstream{ProviderID: providerID, Link: true}
}

// GoesUpstream reports that the browser goes to a provider with a state. It begins the time of the transaction anew.
func (t *Transaction) GoesUpstream(providerID uuid.UUID, state []byte, at time.Time) {
	link := t.Progress.Upstream != nil && t.Progress.Upstream.Link
	t.CreatedAt = at
	t.Progress.Upstream = &Upstream{ProviderID: providerID, State: state, Link: link}
}

// CameBack reports that the browser came back from the provider: its answer counts once.
func (t *Transaction) CameBack() { t.Progress.Upstream = nil }

// ProvedUpstream reports that the person signed in at a provider by an identity that is linked to their account. What they
// did there is not known, so it is no method (RFC 8176).
func (t *Transaction) ProvedUpstream(userID, identityID uuid.UUID, at time.Time) {
	t.reset(Progress{Chosen: t.Progress.Chosen, UserID: userID, AuthenticatedAt: at, Methods: []string{}, Identity: identityID})
}

// ProvedElsewhere reports that an account elsewhere is somebody's, whom nobody knows here yet.
func (t *Transaction) ProvedElsewhere(linking Linking) { t.Progress.Linking = &linking }

// LinkAnswered reports that the account elsewhere was linked, or is not to be.
func (t *Transaction) LinkAnswered() { t.Progress.Linking = nil }
