// Package erasure is about people who have their account erased: they ask for it, may keep the account for some days, and
// then they are gone for good. What is theirs is deleted with them; of what the audit log says about them a pseudonym
// is left that nobody can trace back.
package erasure

import (
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/mailqueue"
	"github.com/clavex/clavex/backend/internal/notice"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
)

// ErrClosed says that people do not delete their accounts themselves here.
var ErrClosed = fault.New(fault.Forbidden, "account_deletion_closed", "Accounts are deleted by the administrators here. Ask them.")

// The sizes of batches.
const (
	peopleAtOnce        = 100
	eventsAtOnce        = 500
	organizationsAtOnce = 200
)

// stragglers is how long after an erasure events about the person may still be written, by requests and jobs that had begun.
const stragglers = time.Hour

// pseudonymPrefix tells a pseudonym from the identifier of a person.
const pseudonymPrefix = "erased-"

// Erasure has people erased. It is safe for concurrent use.
type Erasure struct {
	Store         *store.Store
	Organizations *org.Organizations
	Users         *user.Users
	Roles         *role.Assignments
	Sessions      *session.Sessions
	Links         *credential.Links
	Mails         *mailqueue.Queue
	Letters       notice.Letters
	Audit         *audit.Log
	Now           func() time.Time
	Random        io.Reader
}

// Request has the person of a live session erased after the organization's days of grace: everything that is signed in
// ends, tokens are revoked, links are worth nothing, and a mail tells them. ErrClosed where administrators do that; the last
// administrator stays.
func (e *Erasure) Request(ctx context.Context, orgID uuid.UUID, live *session.Live) (leaving *user.User, err error) {
	err = e.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		organization, err := e.Organizations.Hold(ctx, tx, orgID)
		if err != nil {
			return err
		}
		if organization.Policies.AccountDeletionPolicy() != org.AccountDeletionOpen {
			return ErrClosed
		}
		roles, err := role.Locked(ctx, tx, orgID, live.User.ID)
		if err != nil {
			return err
		}
		for _, held := range []role.Role{role.PlatformAdministrator, role.OrganizationAdministrator} {
			if slices.Contains(roles, held) {
				if err := e.Roles.EnsureNotLastOf(ctx, tx, orgID, live.User.ID, held); err != nil {
					return err
				}
			}
		}
		if err := e.Sessions.StillLive(ctx, tx, orgID, live.Session.ID); err != nil {
			return err
		}
		actor := audit.Actor{Kind: audit.User, ID: live.User.ID.String(), Name: live.User.Username}
		if leaving, err = e.Users.Leave(ctx, tx, actor, orgID, live.User.ID, e.Now().AddDate(0, 0, organization.Policies.AccountDeletionGrace())); err != nil {
			return err
		}
		if err := e.Links.Cancel(ctx, tx, orgID, leaving.ID); err != nil {
			return err
		}
		if err := e.Sessions.EndAll(ctx, tx, actor, orgID, leaving.ID, uuid.Nil, "account is to be erased"); err != nil {
			return err
		}
		return e.Letters.Leaving(ctx, tx, organization, leaving)
	})
	return leaving, err
}

// Keep makes somebody who leaves an active person again, and tells them. user.ErrNotLeaving when they do not leave any more.
func (e *Erasure) Keep(ctx context.Context, tx *store.Tx, organization *org.Organization, actor audit.Actor, userID uuid.UUID) (*user.User, error) {
	kept, err := e.Users.Keep(ctx, tx, actor, organization.ID, userID)
	if err != nil {
		return nil, err
	}
	return kept, e.Letters.Kept(ctx, tx, organization, kept)
}

// Do erases whose time has come, and brings what the audit log says about them under their pseudonyms, until nothing is
// left or the context ends. What was begun goes on with the next call.
func (e *Erasure) Do(ctx context.Context) error {
	for {
		due, err := e.Users.DueErasures(ctx, e.Store, peopleAtOnce)
		if err != nil {
			return err
		}
		var failed error // of one person: it keeps nobody else
		for _, one := range due {
			failed = errors.Join(failed, e.erase(ctx, one))
		}
		if failed != nil || len(due) < peopleAtOnce {
			return errors.Join(failed, e.finish(ctx))
		}
	}
}

func (e *Erasure) erase(ctx context.Context, due user.Due) error {
	err := e.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		organization, err := e.Organizations.ByID(ctx, tx, due.OrgID)
		if err != nil {
			return err
		}
		if err := e.Mails.DeleteOfUser(ctx, tx, due.OrgID, due.ID); err != nil {
			return err
		}
		erased, err := e.Users.Erase(ctx, tx, due, pseudonymPrefix+secret.New(e.Random))
		if err != nil {
			return err
		}
		return e.Letters.Erased(ctx, tx, organization, erased)
	})
	if errors.Is(err, user.ErrNotLeaving) {
		return nil // kept a moment ago
	}
	return err
}

// finish takes the people who were erased out of the audit log, and forgets whose the pseudonyms were when nothing that was
// under way while they were erased can write of them any more.
func (e *Erasure) finish(ctx context.Context) error {
	for after := (user.Erasure{}); ; {
		open, err := e.Users.OpenErasures(ctx, e.Store, after, peopleAtOnce)
		if err != nil || len(open) == 0 {
			return err
		}
		for _, one := range open {
			if err := e.pseudonymise(ctx, one); err != nil {
				return err
			}
			if after = one; one.ErasedAt.After(e.Now().Add(-stragglers)) {
				continue
			}
			if err := e.Users.FinishErasure(ctx, e.Store, one); err != nil {
				return err
			}
		}
	}
}

// pseudonymise takes one person out of the audit log of their organization; out of those of all others, too, when they may
// have administered them.
func (e *Erasure) pseudonymise(ctx context.Context, one user.Erasure) error {
	if err := e.pseudonymiseIn(ctx, one.OrgID, one); err != nil {
		return err
	}
	own, err := e.Organizations.ByID(ctx, e.Store, one.OrgID)
	if err != nil || own.Slug != org.SystemSlug {
		return err
	}
	for after := uuid.Nil; ; {
		ids, err := e.Organizations.IDsAfter(ctx, after, organizationsAtOnce)
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			if err := e.pseudonymiseIn(ctx, id, one); err != nil {
				return err
			}
			after = id
		}
	}
}

func (e *Erasure) pseudonymiseIn(ctx context.Context, orgID uuid.UUID, one user.Erasure) error {
	for {
		changed, err := e.Audit.Pseudonymise(ctx, e.Store, orgID, one.UserID, one.Pseudonym, eventsAtOnce)
		if err != nil || changed == 0 {
			return err
		}
	}
}
