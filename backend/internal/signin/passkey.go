package signin

import (
	"context"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/page"
	"github.com/clavex/clavex/backend/internal/webauthn"
)

// The sign-in page offers passkeys in the field of the username and by a button. Its form has a challenge that is bound to
// the transaction and the browser; what the browser answers comes back by a form post like any other, with the same
// checks, and reports to the same transaction.

// fieldPasskey is the field that a browser's answer comes in, and what faults of it are about.
const fieldPasskey = "passkey"

// ErrPasskeysOff is the answer to a passkey where the organization switched them off.
var ErrPasskeysOff = fault.New(fault.Unauthenticated, "passkeys_off", "Nobody signs in with passkeys here. Sign in with your password.").WithField(fieldPasskey)

// passkeysOpen reports whether people sign in with passkeys.
func (s *SignIn) passkeysOpen(organization *org.Organization) bool {
	_, ok := s.party(organization)
	return ok && organization.Policies.PasskeyPolicy() == org.PasskeysOn
}

// party is the relying party of an organization's pages; false where browsers let nobody use passkeys.
func (s *SignIn) party(organization *org.Organization) (webauthn.RelyingParty, bool) {
	return webauthn.PartyOf(s.Issuers, organization)
}

// aboutSignIn binds a ceremony to the sign-in and its browser.
func (s *SignIn) aboutSignIn(v *visit) webauthn.About {
	party, _ := s.party(v.organization)
	return v.about(party)
}

func (v *visit) about(party webauthn.RelyingParty) webauthn.About {
	return webauthn.About{OrgID: v.organization.ID, Subject: v.transaction.ID, Browser: v.browser, Party: party}
}

// formerPasskeys says in a form that the passkey is of the address before (field "relying_party").
const formerPasskeys = "former"

// aboutForm is what the ceremony that a form answers was for. What it says is no proof: the challenge is bound to it.
func (s *SignIn) aboutForm(v *visit, form oauth.Parameters) webauthn.About {
	if form.Get("relying_party") == formerPasskeys {
		if party, ok := webauthn.FormerPartyOf(s.Issuers, v.organization, s.Now()); ok {
			return v.about(party)
		}
	}
	return s.aboutSignIn(v)
}

// formerPasskeyRequest asks for a passkey of the address before; nil where that works nowhere.
func (s *SignIn) formerPasskeyRequest(v *visit) (*page.Passkey, error) {
	party, ok := webauthn.FormerPartyOf(s.Issuers, v.organization, s.Now())
	if !ok || !s.passkeysOpen(v.organization) {
		return nil, nil
	}
	options, err := s.Ceremonies.Request(v.about(party))
	return &page.Passkey{Form: s.form(v, pathPasskey), Options: string(options), Host: party.ID}, err
}

// passkeyRequest is what the sign-in page asks a browser for; nil where nobody signs in with passkeys.
func (s *SignIn) passkeyRequest(v *visit) (*page.Passkey, error) {
	if !s.passkeysOpen(v.organization) {
		return nil, nil
	}
	options, err := s.Ceremonies.Request(s.aboutSignIn(v))
	return &page.Passkey{Form: s.form(v, pathPasskey), Options: string(options)}, err
}

// Passkey takes the answer of a browser that was asked for a passkey. GET, which people come to by reloading, leads
// back to the sign-in.
func (s *SignIn) Passkey(c *gin.Context) {
	if c.Request.Method != http.MethodPost {
		s.Pages.SeeOther(c, path(oauth.Organization(c), pathLogin)+"?"+c.Request.URL.RawQuery)
		return
	}
	v, form := s.posted(c)
	if v == nil {
		return
	}
	ctx := c.Request.Context()
	another, err := s.shownForAnother(ctx, v, form)
	if err != nil {
		s.Error(c, err)
		return
	}
	if another { // the passkey is tried on nobody
		s.Pages.SeeOther(c, path(v.organization, pathWays)+"?transaction="+v.transaction.ID)
		return
	}
	v.stays(form.Get)
	if !s.passkeysOpen(v.organization) {
		s.loginFailed(c, v, "", ErrPasskeysOff)
		return
	}
	proof, err := s.Ceremonies.Requested(ctx, s.aboutForm(v, form), v.browserHash, form.Get(fieldPasskey))
	if err == nil {
		err = s.checkWanted(v, proof.Person)
	}
	if err == nil {
		err = s.checkIdentified(v, form, proof.Person)
	}
	if err != nil {
		s.loginFailed(c, v, "", err)
		return
	}
	v.transaction.Authenticated(proof.Person.ID, s.Now(), session.PasskeyMethods(proof.Passkey.BackupEligible, proof.UserVerified)...)
	v.transaction.Progress.Passkey = &login.Passkey{ID: proof.Passkey.ID, AAGUID: proof.Passkey.AAGUID}
	if form.Get("relying_party") == formerPasskeys {
		if err := s.offerNextPasskey(ctx, v, proof.Person.ID); err != nil {
			s.stepFailed(c, v, err)
			return
		}
	}
	if err := s.Transactions.Save(ctx, v.transaction); err != nil {
		s.stepFailed(c, v, err)
		return
	}
	s.Observe("success")
	s.advance(c, v, pathLogin)
}

// anotherPasskey is what the page of second factors asks a browser for: of the passkeys that sign in those of this address, and of
// the one before where they work here. elsewhere is the host of the person's passkeys when none is of this address.
func (s *SignIn) anotherPasskey(v *visit, owner uuid.UUID, own []credential.Passkey) (here, former *page.Passkey, elsewhere string, err error) {
	of := func(party webauthn.RelyingParty, ok bool) (*page.Passkey, error) {
		if !ok || !slices.ContainsFunc(own, func(passkey credential.Passkey) bool { return passkey.RPID == party.ID }) {
			return nil, nil
		}
		options, err := s.Ceremonies.RequestOf(v.about(party), owner, own)
		return &page.Passkey{Form: s.form(v, pathSecondFactor), Options: string(options), Host: party.ID}, err
	}
	if here, err = of(s.party(v.organization)); err != nil {
		return nil, nil, "", err
	}
	if here == nil && len(own) > 0 {
		elsewhere = own[len(own)-1].RPID
	}
	former, err = of(webauthn.FormerPartyOf(s.Issuers, v.organization, s.Now()))
	return here, former, elsewhere, err
}

// proveAnotherPasskey verifies what a browser answered to that.
func (s *SignIn) proveAnotherPasskey(ctx context.Context, v *visit, owner uuid.UUID, form oauth.Parameters) (login.Another, []string, error) {
	if !s.passkeysOpen(v.organization) {
		return login.Another{}, nil, ErrPasskeysOff
	}
	proof, err := s.Ceremonies.RequestedOf(ctx, s.aboutForm(v, form), owner, v.browserHash, form.Get(fieldPasskey))
	if err != nil {
		return login.Another{}, nil, err
	}
	passkey := login.Passkey{ID: proof.Passkey.ID, AAGUID: proof.Passkey.AAGUID}
	return login.Another{Passkey: &passkey}, session.PasskeyMethods(proof.Passkey.BackupEligible, proof.UserVerified), nil
}

// losePasskeys removes the passkeys of somebody who says that they are lost, and tells them.
func (s *SignIn) losePasskeys(ctx context.Context, tx *store.Tx, organization *org.Organization, person *user.User) error {
	own, err := s.Passkeys.OfUser(ctx, tx, organization.ID, person.ID)
	if err != nil {
		return err
	}
	for _, lost := range own {
		name, err := s.Passkeys.Delete(ctx, tx, actorOf(person), organization.ID, person.ID, lost.ID, noSession)
		if fault.IsKind(err, fault.NotFound) {
			continue // removed meanwhile
		}
		if err == nil {
			err = s.Letters.PasskeyRemoved(ctx, tx, organization, person, name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// acceptedPasskeys is what authenticators are told of a person's passkeys, so that they stop offering what was removed;
// "" for nothing. Only ever of whoever is signed in: another organization's passkeys of the same host stay untouched.
func (s *SignIn) acceptedPasskeys(ctx context.Context, organization *org.Organization, userID uuid.UUID) (string, error) {
	party, ok := s.party(organization)
	if !ok {
		return "", nil
	}
	own, err := s.Passkeys.OfUser(ctx, s.Store, organization.ID, userID)
	if err != nil || len(own) == 0 {
		return "", err
	}
	handle, err := s.Passkeys.Handle(ctx, s.Store, organization.ID, userID)
	if err != nil {
		return "", err
	}
	accepted, err := party.AcceptedCredentials(handle, own)
	return string(accepted), err
}

// acceptedAfter is acceptedPasskeys after a sign-in with a passkey.
func (s *SignIn) acceptedAfter(c *gin.Context, v *visit, live *session.Live) string {
	if v.transaction.Progress.Passkey == nil {
		return ""
	}
	accepted, err := s.acceptedPasskeys(c.Request.Context(), v.organization, live.User.ID)
	if err != nil {
		_ = c.Error(err) // authenticators learn it another time
	}
	return accepted
}
