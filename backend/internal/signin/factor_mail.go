package signin

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/mailqueue"
	"github.com/clavex/clavex/backend/internal/notice"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/letter"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// Where an organization allows it, a code of a mail is the second factor of somebody who has neither an app nor a passkey, where
// one is demanded: to the proved address of the account, after a password that did not come of that mailbox. Who signed in
// by mail or elsewhere, or chose the password by mail, has shown one mailbox and shows it twice for nothing.

const (
	mailFactorCode mailqueue.Kind = "second_factor_code"
	// mailPause is how long one waits before another mail is sent.
	mailPause = time.Minute
)

// The answers to too many mails.
var (
	ErrMailTooSoon        = fault.New(fault.RateLimited, "second_factor_mail_too_soon", "A mail was sent a moment ago. Wait a little before you have another one sent.")
	ErrFactorMailsLimited = fault.New(fault.RateLimited, "second_factor_mails_limited", "Several mails were sent already. Wait a while, then try again.")
)

// ProvesByMail reports whether a code of a mail would be another factor of a person who proved themselves by methods. That they
// have neither app nor passkey is the caller's to know.
func (s *SignIn) ProvesByMail(ctx context.Context, organization *org.Organization, person *user.User, methods []string) (bool, error) {
	if !organization.ProvesByMail() || !slices.Contains(methods, session.MethodPassword) || person.Email == "" || !person.EmailVerified || !s.Mails.Works(ctx, organization.ID) {
		return false, nil
	}
	byLink, err := s.Passwords.ByLink(ctx, s.Store, organization.ID, person.ID)
	return err == nil && !byLink, err
}

// provesByMail is ProvesByMail of whom the sign-in is about.
func (s *SignIn) provesByMail(ctx context.Context, v *visit, browser session.Browser, subject uuid.UUID) (bool, error) {
	methods := v.transaction.Progress.Methods
	if v.transaction.Progress.UserID == noSession {
		methods = v.transaction.Live(browser).Session.Methods
	}
	if !v.organization.ProvesByMail() || !slices.Contains(methods, session.MethodPassword) {
		return false, nil
	}
	person, err := s.Users.ByID(ctx, s.Store, v.organization.ID, subject)
	if fault.IsKind(err, fault.NotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return s.ProvesByMail(ctx, v.organization, person, methods)
}

// mailFactor sends a code that is another factor.
func (s *SignIn) mailFactor(ctx context.Context, v *visit, person *user.User) error {
	before := v.transaction.Progress.FactorMail
	if before != nil && before.Mails >= login.MailsMost {
		return ErrNoMoreMails
	}
	if wait := s.mailWait(before); wait > 0 {
		return ErrMailTooSoon.WithRetryAfter(wait)
	}
	data := login.RecoveryData{Typed: person.Username, UserID: person.ID, Email: person.Email}
	own, err := s.own(ctx, v, person.ID)
	if err != nil {
		return err
	}
	if err := s.FactorMails.count(ctx, v.organization.ID, person.ID, own); err != nil {
		return err
	}
	proof, code, err := s.newProof(v.transaction, before, data, factorSubject(data))
	if err != nil {
		return err
	}
	v.transaction.WantsFactorMail(proof, s.Now())
	if err := s.Transactions.Save(ctx, v.transaction); err != nil {
		return err
	}
	written := notice.Letter{Kind: mailFactorCode, To: data.Email, Expires: proof.Expires, Write: func(f letter.Frame) letter.Content {
		return letter.SecondFactorCode(f, spoken(code), int(codeLifetime/time.Minute))
	}}
	event := audit.Event{Action: "second_factor.mail_code_sent", Actor: actorOf(person), Target: user.Target(person), Details: map[string]any{"client_id": v.transaction.Required.ClientID}}
	return s.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := s.Audit.Record(ctx, tx, v.organization.ID, event); err != nil {
			return err
		}
		return s.Letters.Tell(ctx, tx, v.organization, person, written)
	})
}

// mailWait is how long it takes until another mail is sent.
func (s *SignIn) mailWait(proof *login.MailProof) time.Duration {
	if proof == nil {
		return 0
	}
	return max(0, proof.Expires.Add(mailPause-codeLifetime).Sub(s.Now()))
}

// factorSubject is whose proof it is; a code for something else is not one for this.
func factorSubject(data login.RecoveryData) string {
	return "second-factor " + subjectOf(data) + " " + strings.ToLower(data.Email)
}

// proveMailbox judges the code that somebody typed.
func (s *SignIn) proveMailbox(ctx context.Context, v *visit, person *user.User, typed string) (login.Another, []string, error) {
	proof := v.transaction.Progress.FactorMail
	if proof == nil {
		return login.Another{}, nil, ErrCodeVoid
	}
	data, err := openProof[login.RecoveryData](s, v.transaction, proof)
	if err != nil {
		return login.Another{}, nil, err
	}
	if data.UserID != person.ID || !strings.EqualFold(data.Email, person.Email) {
		return login.Another{}, nil, ErrCodeVoid // the address was changed while the code was on its way
	}
	event := audit.Event{Action: "second_factor.mail_code_used", Actor: actorOf(person), Target: user.Target(person)}
	err = s.checkCode(ctx, v.transaction, proof, factorSubject(data), readCode(typed))
	if fault.IsKind(err, fault.Invalid) {
		event = audit.Event{Action: "second_factor.failed", Outcome: audit.Failure, Actor: audit.Actor{Kind: audit.Anonymous}, Target: user.Target(person), Details: map[string]any{"method": "mail"}}
	} else if err != nil {
		return login.Another{}, nil, err
	}
	if recorded := s.Audit.Record(ctx, s.Store, v.organization.ID, event); recorded != nil {
		err = errors.Join(err, recorded)
	}
	return login.Another{Mailbox: data.Email}, []string{session.MethodOneTimePassword, session.MethodMultipleChannels}, err
}

// stillProvesByMail refuses to go on with the proof of a mailbox that is not the person's any more, or is no factor any more.
func (s *SignIn) stillProvesByMail(ctx context.Context, db store.DB, v *visit) error {
	progress := &v.transaction.Progress
	if progress.FactorMailbox == "" {
		return nil
	}
	// The person is held first, so that the address stays theirs until the session is begun.
	reads, err := s.Users.Reads(ctx, db, v.organization.ID, progress.UserID, progress.FactorMailbox)
	if err != nil {
		return err
	}
	if !reads || !v.organization.ProvesByMail() {
		return credential.ErrReplaced
	}
	person, err := s.Users.ByID(ctx, db, v.organization.ID, progress.UserID)
	if err != nil || !person.EmailVerified {
		return cmp.Or(err, error(credential.ErrReplaced))
	}
	if progress.SessionID != noSession { // what was added since, was added in the session that it began
		return nil
	}
	enrolled, err := s.SecondFactors.Enrolled(ctx, v.organization.ID, progress.UserID)
	if err != nil || enrolled {
		return cmp.Or(err, error(credential.ErrReplaced))
	}
	passkey, err := s.HasPasskey(ctx, v.organization, progress.UserID, time.Time{})
	if err == nil && passkey {
		err = credential.ErrReplaced
	}
	return err
}

// mailView is how the page of second factors offers a code by mail; nil where it does not.
func (s *SignIn) mailView(v *visit, facts login.Facts) *page.FactorMail {
	if !facts.Factors.Mailbox {
		return nil
	}
	view := &page.FactorMail{Address: masked(v.subject(facts).Email), MayResend: true}
	if proof := v.transaction.Progress.FactorMail; proof != nil {
		view.Sent, view.MayResend = true, proof.Mails < login.MailsMost
		view.Wait = int((s.mailWait(proof) + time.Second - 1) / time.Second)
	}
	return view
}

// masked is an address as its owner recognises it: whoever knows no more than the password does not learn it.
func masked(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 1 {
		return ""
	}
	first := []rune(address)[0]
	return string(first) + "•••" + address[at:]
}
