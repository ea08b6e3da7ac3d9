// Package notice writes to people what happened to their account: in the person's own language, whoever did it and in
// whatever browser, to the address of the account, in the transaction of what happened. It is the only way in which
// changes are told. What a mail says is package web/letter's; that it arrives is package mailqueue's. Mails that somebody
// in front of a browser waits for (codes) are package signin's.
package notice

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/mailqueue"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/letter"
	"github.com/clavex/clavex/backend/internal/web/text"
)

// The kinds of mail about changes.
const (
	PasswordChanged mailqueue.Kind = "password_changed"
	FactorChanged   mailqueue.Kind = "second_factor_changed"
	PasskeyAdded    mailqueue.Kind = "passkey_added"
	PasskeyRemoved  mailqueue.Kind = "passkey_removed"
	PasskeyBlocked  mailqueue.Kind = "passkey_suspended"
	NewSignIn       mailqueue.Kind = "new_sign_in"
	Leaving         mailqueue.Kind = "account_leaving"
	Kept            mailqueue.Kind = "account_kept"
	Erased          mailqueue.Kind = "account_erased"
	Invitation      mailqueue.Kind = "invitation"
	IdentityChanged mailqueue.Kind = "identity_changed"
	AddressChanged  mailqueue.Kind = "address_changed"
)

// useful is for how long a notice is tried to be delivered unless it says otherwise.
const useful = 24 * time.Hour

// Letters writes to people. It is safe for concurrent use.
type Letters struct {
	Mails   *mailqueue.Queue
	Texts   *text.Catalog
	Issuers oauth.Issuers
	Now     func() time.Time
}

// Letter is one letter to a person.
type Letter struct {
	Kind    mailqueue.Kind
	To      string    // "" for the address of the account
	Expires time.Time // after which it is of no use; zero for a day from now
	Write   func(letter.Frame) letter.Content
	Unnamed bool // the mail is not kept as one to this person: they are gone
}

// Tell puts a letter to a person down. It does nothing where no mail is sent, or the person has no address.
func (l Letters) Tell(ctx context.Context, tx *store.Tx, organization *org.Organization, person *user.User, what Letter) error {
	to, expires := what.To, what.Expires
	if to == "" {
		to = person.Email
	}
	if to == "" || !l.Mails.Works(ctx, organization.ID) {
		return nil
	}
	if expires.IsZero() {
		expires = l.Now().Add(useful)
	}
	content, concerns := what.Write(l.Frame(organization, person)), person.ID
	if what.Unnamed {
		concerns = uuid.Nil
	}
	return l.Mails.Put(ctx, tx, mailqueue.Mail{OrgID: organization.ID, Kind: what.Kind, UserID: concerns, To: to, FromName: organization.DisplayName,
		Expires: expires, Subject: content.Subject, Text: content.Text, HTML: content.HTML})
}

// Frame is what surrounds a letter to a person: their language, if they said one, and their organization's colour.
func (l Letters) Frame(organization *org.Organization, person *user.User) letter.Frame {
	return letter.Frame{Text: l.Texts.Match([]string{person.Profile.Locale}, "", organization.Policies.DefaultLocale), Organization: organization.DisplayName,
		Color: organization.Branding.BrandColor, Site: l.Issuers.URL(organization.Present())}
}

// PasswordChanged tells a person that their password was changed.
func (l Letters) PasswordChanged(ctx context.Context, tx *store.Tx, organization *org.Organization, person *user.User) error {
	return l.Tell(ctx, tx, organization, person, Letter{Kind: PasswordChanged, Write: func(f letter.Frame) letter.Content { return letter.PasswordChanged(f, person.Username) }})
}

// AddressSet tells both addresses that an administrator gave a person another one; the former one only if it was proved, because
// what was mistyped belongs to a stranger.
func (l Letters) AddressSet(ctx context.Context, tx *store.Tx, organization *org.Organization, before, after *user.User) error {
	write := func(f letter.Frame) letter.Content { return letter.AddressSet(f, after.Username) }
	if err := l.Tell(ctx, tx, organization, after, Letter{Kind: AddressChanged, Write: write}); err != nil || !before.EmailVerified {
		return err
	}
	return l.Tell(ctx, tx, organization, before, Letter{Kind: AddressChanged, Write: write})
}

// FactorChanged tells a person what was changed about their second factor.
func (l Letters) FactorChanged(ctx context.Context, tx *store.Tx, organization *org.Organization, person *user.User, change letter.FactorChange) error {
	return l.Tell(ctx, tx, organization, person, Letter{Kind: FactorChanged, Write: func(f letter.Frame) letter.Content { return letter.FactorChanged(f, change, person.Username) }})
}

// PasskeyAdded tells a person that their account has one more passkey.
func (l Letters) PasskeyAdded(ctx context.Context, tx *store.Tx, organization *org.Organization, person *user.User, name string) error {
	return l.Tell(ctx, tx, organization, person, Letter{Kind: PasskeyAdded, Write: func(f letter.Frame) letter.Content { return letter.PasskeyAdded(f, person.Username, name) }})
}

// PasskeyRemoved tells a person that a passkey of theirs was removed.
func (l Letters) PasskeyRemoved(ctx context.Context, tx *store.Tx, organization *org.Organization, person *user.User, name string) error {
	return l.Tell(ctx, tx, organization, person, Letter{Kind: PasskeyRemoved, Write: func(f letter.Frame) letter.Content { return letter.PasskeyRemoved(f, person.Username, name) }})
}

// PasskeySuspended tells a person that a passkey of theirs was suspended because of its model.
func (l Letters) PasskeySuspended(ctx context.Context, tx *store.Tx, organization *org.Organization, person *user.User, name string) error {
	return l.Tell(ctx, tx, organization, person, Letter{Kind: PasskeyBlocked, Write: func(f letter.Frame) letter.Content { return letter.PasskeySuspended(f, person.Username, name) }})
}

// SignInsADay is how many letters about new sign-ins a person gets within 24 hours. Whoever knows a password could fill a mailbox
// with them, so that nobody finds the first one.
const SignInsADay = 5

// NewSignIn tells a person that somebody signed in to their account from a browser or a country that is new to it. After
// SignInsADay letters it tells them nothing, and returns false. The person must be held (user.Users.Hold).
func (l Letters) NewSignIn(ctx context.Context, tx *store.Tx, organization *org.Organization, person *user.User, begun session.Session) (told bool, err error) {
	written, err := l.Mails.CountOfUser(ctx, tx, organization.ID, person.ID, NewSignIn, l.Now().AddDate(0, 0, -1))
	if err != nil || written >= SignInsADay {
		return false, err
	}
	return true, l.Tell(ctx, tx, organization, person, Letter{Kind: NewSignIn, Write: func(f letter.Frame) letter.Content {
		from := letter.SignIn{Device: f.Text.Device(begun.UserAgent), When: f.Text.Moment(begun.AuthenticatedAt, text.Zone(person.Profile.Zoneinfo))}
		if begun.Country != "" {
			from.Country = f.Text.Country(begun.Country)
		}
		if begun.Address.IsValid() {
			from.Address = begun.Address.Unmap().String()
		}
		return letter.NewSignIn(f, person.Username, from, l.Issuers.Endpoint(organization.Present(), "account/sessions"))
	}})
}

// Leaving tells a person that their account is to be erased, and how it is kept.
func (l Letters) Leaving(ctx context.Context, tx *store.Tx, organization *org.Organization, person *user.User) error {
	return l.Tell(ctx, tx, organization, person, Letter{Kind: Leaving, Expires: person.EraseAt, Write: func(f letter.Frame) letter.Content {
		return letter.Leaving(f, person.Username, f.Text.Moment(person.EraseAt, text.Zone(person.Profile.Zoneinfo)), l.Issuers.Endpoint(organization.Present(), "login"))
	}})
}

// Kept tells a person that their account is not erased after all.
func (l Letters) Kept(ctx context.Context, tx *store.Tx, organization *org.Organization, person *user.User) error {
	return l.Tell(ctx, tx, organization, person, Letter{Kind: Kept, Write: func(f letter.Frame) letter.Content { return letter.Kept(f, person.Username) }})
}

// Erased tells somebody whose account was erased.
func (l Letters) Erased(ctx context.Context, tx *store.Tx, organization *org.Organization, person *user.User) error {
	return l.Tell(ctx, tx, organization, person, Letter{Kind: Erased, Unnamed: true, Write: func(f letter.Frame) letter.Content { return letter.Erased(f, person.Username) }})
}

// IdentityLinked tells a person that an account elsewhere lets into theirs from now on.
func (l Letters) IdentityLinked(ctx context.Context, tx *store.Tx, organization *org.Organization, person *user.User, provider string) error {
	return l.Tell(ctx, tx, organization, person, Letter{Kind: IdentityChanged, Write: func(f letter.Frame) letter.Content { return letter.IdentityLinked(f, person.Username, provider) }})
}

// IdentityUnlinked tells a person that an account elsewhere does not let into theirs any more.
func (l Letters) IdentityUnlinked(ctx context.Context, tx *store.Tx, organization *org.Organization, person *user.User, provider string) error {
	return l.Tell(ctx, tx, organization, person, Letter{Kind: IdentityChanged, Write: func(f letter.Frame) letter.Content { return letter.IdentityUnlinked(f, person.Username, provider) }})
}
