package account

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/signin"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/page"
	"github.com/clavex/clavex/backend/internal/webauthn"
)

// What the form of the page asks for, field "do".
const (
	addPasskey    = "add"
	renamePasskey = "rename"
	removePasskey = "remove"
)

// ErrLastWay is the answer to removing what the person could not sign in without, before they said that they know.
var ErrLastWay = fault.New(fault.Conflict, "last_way_in", "There is no other way into your account. Confirm that it is to be removed.")

// passkeysOpen reports whether the person may make passkeys.
func (v *visit) passkeysOpen() bool {
	_, ok := v.party()
	return ok && v.organization.Policies.PasskeyPolicy() == org.PasskeysOn
}

// party is the relying party of the organization's pages; false where browsers let nobody use passkeys.
func (v *visit) party() (webauthn.RelyingParty, bool) {
	return webauthn.PartyOf(v.Issuers, v.organization)
}

func (v *visit) ownPasskeys() ([]credential.Passkey, error) {
	return v.Passkeys.OfUser(v.ctx(), v.Store, v.organization.ID, v.live.User.ID)
}

// passkeyMethod is the part of the page of methods about passkeys; ok is false where there are none and can be none.
func (v *visit) passkeyMethod() (method page.Method, ok bool, err error) {
	own, err := v.ownPasskeys()
	if err != nil || len(own) == 0 && !v.passkeysOpen() {
		return method, false, err
	}
	method = page.Method{ID: "method-passkeys", Title: v.words.T("account_passkeys"), State: v.words.T("method_passkeys_none"), Label: v.words.T("method_passkeys_manage"),
		URL: v.address(pathPasskeys)}
	if len(own) > 0 {
		method.State = v.words.Counted("method_passkeys", len(own))
	}
	return method, true, nil
}

func (v *visit) showPasskeys() { v.passkeys(http.StatusOK, v.c.Query("remove"), nil) }

// passkeys shows the passkeys, and asks whether one is to be removed.
func (v *visit) passkeys(status int, removing string, problem *fault.Error) {
	own, err := v.ownPasskeys()
	var view page.AccountPasskeys
	if err == nil {
		view, err = v.passkeysView(own, removing)
	}
	if err != nil {
		v.SignIn.Error(v.c, err)
		return
	}
	view.Fault = problem
	v.SignIn.Render(v.c, status, view)
}

func (v *visit) passkeysView(own []credential.Passkey, removing string) (page.AccountPasskeys, error) {
	view := page.AccountPasskeys{OwnAccount: v.shell(), Form: v.hidden(), BackURL: v.address(pathMethods), URL: v.address(pathPasskeys), Off: !v.passkeysOpen()}
	if until := v.organization.Leaves(); !until.IsZero() {
		view.Former = v.words.T("account_passkeys_former", "Organization", v.organization.DisplayName, "Moment", v.moment(until).Shown, "Host", v.presentHost())
	}
	rules, err := v.Models.Rules(v.ctx(), v.organization.ID)
	if err != nil {
		return view, err
	}
	var signing []credential.Passkey // here; an authenticator with another one makes one that signs in
	for _, passkey := range own {
		one := page.OwnPasskey{ID: passkey.ID.String(), Name: passkey.Name, Synchronized: passkey.BackupEligible, Problem: v.passkeyProblem(rules, passkey), Made: v.moment(passkey.CreatedAt)}
		if !passkey.LastUsedAt.IsZero() {
			one.Used = v.moment(passkey.LastUsedAt)
		}
		if one.ID == removing {
			last, err := v.isLastWay(v.ctx(), v.Store, passkey.ID)
			if err != nil {
				return view, err
			}
			view.Removing, view.LastWay = &one, last
		}
		if one.Problem == "" {
			signing = append(signing, passkey)
		}
		view.Passkeys = append(view.Passkeys, one)
	}
	party, ok := v.party()
	if !ok || len(own) == 0 && view.Off {
		return view, nil
	}
	handle, err := v.Passkeys.Handle(v.ctx(), v.Store, v.organization.ID, v.live.User.ID)
	if err != nil {
		return view, err
	}
	accepted, err := party.AcceptedCredentials(handle, own)
	view.Accepted = string(accepted)
	if err != nil || view.Off || len(own) >= credential.MaximumPasskeys {
		return view, err
	}
	options, err := v.Ceremonies.Create(webauthn.NewPasskey{About: v.aboutPasskey(), Handle: handle, Username: v.live.User.Username, DisplayName: v.live.User.DisplayName(),
		PartyName: v.organization.DisplayName, Existing: signing, Conveyance: v.organization.Policies.Attestation.Conveys()})
	view.Add, view.Suggested = &page.Passkey{Form: v.hidden(), Options: string(options)}, v.words.Device(v.c.Request.UserAgent())
	return view, err
}

// presentHost is where the organization is, seen from an address that is given up.
func (v *visit) presentHost() string {
	_, host, _ := strings.Cut(v.Issuers.Origin(v.organization.AtFormer()), "://")
	return host
}

// passkeyProblem says why a passkey does not sign in; "" when it does.
func (v *visit) passkeyProblem(rules *fido.Rules, passkey credential.Passkey) string {
	refused := rules.Used(passkey.AAGUID, passkey.Attested)
	party, _ := v.party()
	switch {
	case passkey.RPID != party.ID:
		return v.words.T("passkey_of_host", "Host", passkey.RPID)
	case !passkey.SuspendedAt.IsZero() && passkey.Suspension == credential.SuspendedCopied:
		return v.words.T("passkey_suspended")
	case !passkey.SuspendedAt.IsZero(), errors.Is(refused, fido.ErrModelUnsafe):
		return v.words.T("passkey_model_unsafe")
	case refused != nil:
		return v.words.T("passkey_model_refused")
	}
	return ""
}

// aboutPasskey binds a ceremony to the session and the browser.
func (v *visit) aboutPasskey() webauthn.About {
	party, _ := v.party()
	return webauthn.About{Party: party, OrgID: v.organization.ID, Subject: "account " + v.live.Session.ID.String() + " " + v.live.User.ID.String(),
		Browser: v.SignIn.Token(v.c, v.organization, "passkey ceremony")}
}

// ways returns by what else than one passkey, or one account elsewhere, the person signs in.
func (v *visit) ways(ctx context.Context, db store.DB, without uuid.UUID) (credential.Ways, error) {
	party := webauthn.RelyingParty{}
	if v.passkeysOpen() { // seen from an address that is given up, what counts is what works at the one that stays
		party, _ = webauthn.PartyOf(v.Issuers, v.organization.Present())
	}
	return v.Passkeys.Ways(ctx, db, v.organization.ID, v.live.User.ID, party.ID, without)
}

// isLastWay reports whether nobody could sign in to the account any more without the passkey, and can with it.
func (v *visit) isLastWay(ctx context.Context, db store.DB, id uuid.UUID) (bool, error) {
	left, err := v.ways(ctx, db, id)
	if err != nil || left.Any() {
		return false, err
	}
	now, err := v.ways(ctx, db, uuid.Nil)
	return now.Any(), err
}

// postPasskeys makes, renames or removes a passkey. The person is told of what is made and removed.
func (v *visit) postPasskeys() {
	var err error
	done, removing := "", ""
	switch v.form.Get("do") {
	case addPasskey:
		done, err = "passkey_added", v.addPasskey()
	case renamePasskey:
		done, err = "saved", v.changePasskey(func(ctx context.Context, tx *store.Tx, id uuid.UUID) error {
			return v.Passkeys.Rename(ctx, tx, v.actor(), v.organization.ID, v.live.User.ID, id, v.form.Get("name"))
		})
	case removePasskey:
		removing = v.form.Get("id")
		done, err = "passkey_removed", v.changePasskey(v.removePasskey)
	default:
		err = signin.ErrUndecided
	}
	if err != nil {
		v.failed(err, func(status int, problem *fault.Error) { v.passkeys(status, removing, problem) })
		return
	}
	v.back(pathPasskeys, done)
}

func (v *visit) addPasskey() error {
	if !v.passkeysOpen() {
		return signin.ErrPasskeysOff
	}
	name, err := credential.CheckPasskeyName(v.form.Get("name"))
	if err != nil {
		return err
	}
	made, err := v.Ceremonies.Created(v.ctx(), v.aboutPasskey(), v.form.Get("passkey"))
	if err != nil {
		return err
	}
	person := v.live.User
	made.OrgID, made.UserID, made.Name = person.OrgID, person.ID, name
	return v.change(func(ctx context.Context, tx *store.Tx) error {
		if _, err := v.Passkeys.Register(ctx, tx, v.actor(), made); err != nil {
			return err
		}
		if v.organization.SeenFromFormer() { // it will not be worth anything there for long: what was required is not done
			return v.Letters.PasskeyAdded(ctx, tx, v.organization, person, name)
		}
		if err := v.Users.CompleteAction(ctx, tx, person.OrgID, person.ID, user.EnrolPasskey); err != nil {
			return err
		}
		return v.Letters.PasskeyAdded(ctx, tx, v.organization, person, name)
	})
}

// changePasskey changes one of the person's passkeys, in the session that the form was shown in.
func (v *visit) changePasskey(change func(context.Context, *store.Tx, uuid.UUID) error) error {
	id, err := uuid.Parse(v.form.Get("id"))
	if err != nil {
		return credential.ErrPasskeyNotFound
	}
	return v.change(func(ctx context.Context, tx *store.Tx) error { return change(ctx, tx, id) })
}

// removePasskey removes a passkey; the last way into the account only when the person was warned. The present session
// goes on, also when it was begun with it.
func (v *visit) removePasskey(ctx context.Context, tx *store.Tx, id uuid.UUID) error {
	person := v.live.User
	last, err := v.isLastWay(ctx, tx, id)
	if err != nil {
		return err
	}
	if last && v.form.Get("last_way") != "accepted" {
		return ErrLastWay
	}
	before, err := v.passkeyLeft(ctx, tx)
	if err != nil {
		return err
	}
	name, err := v.Passkeys.Delete(ctx, tx, v.actor(), person.OrgID, person.ID, id, v.live.Session.ID)
	if err != nil {
		return err
	}
	if before && v.factors == org.SecondFactorRequired {
		after, err := v.passkeyLeft(ctx, tx)
		if err != nil {
			return err
		}
		enrolled, err := v.SecondFactors.Enrolled(ctx, person.OrgID, person.ID)
		if err != nil || !after && !enrolled {
			return cmp.Or(err, error(ErrFactorRequired))
		}
	}
	return v.Letters.PasskeyRemoved(ctx, tx, v.organization, person, name)
}

// passkeyLeft reports whether the person has a passkey that signs in.
func (v *visit) passkeyLeft(ctx context.Context, tx *store.Tx) (bool, error) {
	if !v.passkeysOpen() {
		return false, nil
	}
	party, _ := v.party()
	return v.Passkeys.Usable(ctx, tx, v.organization.ID, v.live.User.ID, party.ID, time.Time{})
}

// keptPasskey is a passkey in the download of a person's data.
type keptPasskey struct {
	ID             uuid.UUID  `json:"id"`
	Name           string     `json:"name"`
	RPID           string     `json:"rp_id"`
	AAGUID         *uuid.UUID `json:"aaguid,omitempty"`
	BackupEligible bool       `json:"backup_eligible"`
	CreatedAt      time.Time  `json:"created_at"`
	LastUsedAt     time.Time  `json:"last_used_at,omitzero"`
	SuspendedAt    time.Time  `json:"suspended_at,omitzero"`
}

func (v *visit) keptPasskeys() ([]keptPasskey, error) {
	own, err := v.ownPasskeys()
	kept := make([]keptPasskey, len(own))
	for i, p := range own {
		kept[i] = keptPasskey{ID: p.ID, Name: p.Name, RPID: p.RPID, BackupEligible: p.BackupEligible, CreatedAt: p.CreatedAt, LastUsedAt: p.LastUsedAt, SuspendedAt: p.SuspendedAt}
		if p.AAGUID != uuid.Nil {
			kept[i].AAGUID = &own[i].AAGUID
		}
	}
	return kept, err
}
