package account

import (
	"context"
	"net/http"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// shownSessions is how many sessions are listed: nobody has more, and whoever does ends all others.
const shownSessions = 100

const endedByPerson = "ended by the person"

func (v *visit) showSessions() {
	live, err := v.Sessions.OfUser(v.ctx(), v.organization.ID, v.live.User.ID, uuid.Max, shownSessions)
	if err != nil {
		v.SignIn.Error(v.c, err)
		return
	}
	devices, err := v.Remembered.Of(v.ctx(), v.Store, v.organization.ID, v.live.User.ID)
	if err != nil {
		v.SignIn.Error(v.c, err)
		return
	}
	view := page.AccountSessions{OwnAccount: v.shell(), Form: v.hidden(), LogoutURL: v.address("logout"),
		Limit: v.organization.Policies.SessionsPerPerson}
	for i := range live {
		one := v.signedIn(&live[i])
		if one.Present {
			view.Sessions = append([]page.SignedIn{one}, view.Sessions...)
		} else {
			view.Sessions = append(view.Sessions, one)
		}
	}
	for i := range devices {
		device := &devices[i]
		view.Devices = append(view.Devices, page.RememberedDevice{ID: device.ID.String(), Device: v.words.Device(device.UserAgent), Since: v.moment(device.CreatedAt),
			Until: v.moment(device.ExpiresAt), Present: device.In(v.live.Session.BrowserHash)})
	}
	v.SignIn.Render(v.c, http.StatusOK, view)
}

func (v *visit) signedIn(of *session.Session) page.SignedIn {
	one := page.SignedIn{ID: of.ID.String(), Device: v.words.Device(of.UserAgent), Began: v.moment(of.CreatedAt), LastUsed: v.moment(of.LastSeenAt),
		Present: of.ID == v.live.Session.ID}
	if of.Persistent {
		one.Stays = v.moment(of.ExpiresAt)
	}
	if of.Address.IsValid() {
		one.Address = of.Address.Unmap().String()
	}
	return one
}

// postSessions ends one session of the person, or all but the present one. A session of anybody else is not found; one
// that ended meanwhile is over already.
func (v *visit) postSessions() {
	done := "session"
	err := v.Store.InTx(v.ctx(), func(ctx context.Context, tx *store.Tx) error {
		orgID, userID := v.organization.ID, v.live.User.ID
		if v.form.Get("others") != "" {
			done = "sessions"
			_, err := v.Sessions.EndOthers(ctx, tx, v.actor(), orgID, userID, v.live.Session.ID, endedByPerson)
			return err
		}
		if device := v.form.Get("device"); device != "" {
			done = "device"
			id, err := uuid.Parse(device)
			if err != nil {
				return credential.ErrDeviceNotFound
			}
			return v.Remembered.Forget(ctx, tx, v.actor(), orgID, userID, id)
		}
		id, err := uuid.Parse(v.form.Get("session"))
		if err != nil || id == v.live.Session.ID {
			return session.ErrNotFound // the present one ends by signing out, which tells the browser
		}
		return v.Sessions.EndOf(ctx, tx, v.actor(), orgID, userID, id, endedByPerson)
	})
	if err != nil && !fault.IsKind(err, fault.NotFound) {
		v.SignIn.Error(v.c, err)
		return
	}
	v.back(pathSessions, done)
}

// change makes a change that the account depends on, in the session that the form was shown in. A session that ended while the
// form was on its way changes nothing, and the person stays as they are until the change is made: of two that remove the last two
// ways in at once, the later sees that it is the last. Afterwards the session has a fresh token, which the browser gets beside those
// of other people in it: whoever copied the one before loses what they had, as whoever is signed in elsewhere does.
func (v *visit) change(do func(ctx context.Context, tx *store.Tx) error) error {
	var after session.Browser
	err := v.Store.InTx(v.ctx(), func(ctx context.Context, tx *store.Tx) (err error) {
		if after, err = v.Sessions.Replace(ctx, tx, v.browser, v.live); err != nil {
			return err
		}
		return do(ctx, tx)
	})
	if err == nil {
		v.SignIn.Cookies.SetSessions(v.c.Writer, v.c.Request, v.organization, after)
	}
	return err
}
