package login

import (
	"time"

	"github.com/google/uuid"
)

// OpenedInvitation reports that a person opened the link of an invitation: it lets them choose how they sign in, and nothing
// else. RFC 8176 has no name for it, so it is no method.
func (t *Transaction) OpenedInvitation(userID uuid.UUID, tokenHash []byte, at time.Time) {
	t.reset(Progress{UserID: userID, AuthenticatedAt: at, Methods: []string{}, Invitation: tokenHash})
}

// AcceptedInvitation reports that the person chose how they sign in, and proved it by that.
func (t *Transaction) AcceptedInvitation(at time.Time, methods ...string) {
	t.Progress.Invitation, t.Progress.AuthenticatedAt, t.Progress.Methods = nil, at, methods
}
