package signin

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/mailqueue"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/ratelimit"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/letter"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// Somebody says whose account it is; if there is such a person, a mail with a code goes to the address that the account
// has. With the code, in the same browser, they go on. Page and effort are the same for everybody, so nobody learns who
// has an account.

// byMail is a way into an account through its mailbox.
type byMail struct {
	step          login.Step
	page, confirm string // paths
	purpose       page.Purpose
	closed        *fault.Error // the answer where the organization has no such way
	open          func(s *SignIn, ctx context.Context, organization *org.Organization) bool
	may           func(t *login.Transaction, facts login.Facts) bool // whether it is another answer to the sign-in form
	proof         func(t *login.Transaction) *login.MailProof
	wants         func(t *login.Transaction, proof login.MailProof, at time.Time)
	forget        func(t *login.Transaction)
	kind          mailqueue.Kind
	write         func(f letter.Frame, code, url string, minutes int) letter.Content
	proved        func(s *SignIn, ctx context.Context, v *visit, data login.RecoveryData) error // when the code was right
}

// ErrIdentifierMissing says that nobody was named.
var ErrIdentifierMissing = fault.New(fault.Invalid, "identifier_missing", "Enter your e-mail address or username.").WithField("username")

// askByMail serves GET and POST of the page on which somebody says whose account it is.
func (s *SignIn) askByMail(c *gin.Context, way byMail) {
	if c.Request.Method == http.MethodPost {
		s.postByMail(c, way)
		return
	}
	organization, id := oauth.Organization(c), c.Query("transaction")
	switch {
	case !way.open(s, c.Request.Context(), organization):
		s.Error(c, way.closed)
		return
	case id == "":
		s.beginAt(c, login.Required{Continuation: homeContinuation}, way.page)
		return
	}
	v := s.visit(c, id)
	if v == nil {
		return
	}
	if facts, show := s.advance(c, v, way.page); show {
		username := s.suggestedUsername(v, facts)
		if chosen := v.transaction.Progress.Chosen; chosen != noSession {
			if person, err := s.Users.ByID(c.Request.Context(), s.Store, organization.ID, chosen); err == nil {
				username = person.Username
			}
		}
		s.showByMail(c, v, way, http.StatusOK, username, nil)
	}
}

func (s *SignIn) showByMail(c *gin.Context, v *visit, way byMail, status int, username string, problem *fault.Error) {
	required := v.transaction.Required
	view := page.ForgotPassword{Frame: s.frame(c, v.organization, required.Requirement.UILocales), Form: s.form(v, way.page), For: way.purpose, Username: username, Fault: problem}
	view.Stay = s.stay(c, v)
	view.Client, _ = s.clientView(c, v.organization, required.ClientID, view.Text.Language())
	var err error
	if view.Work, err = s.work(c.Request.Context(), v, way.page, username, problem); err != nil {
		s.Error(c, err)
		return
	}
	s.render(c, status, view, s.leadsTo(v)...)
}

func (s *SignIn) postByMail(c *gin.Context, way byMail) {
	v, form := s.atStep(c, way.page, way.may, way.step)
	if v == nil {
		return
	}
	switch form.Get("instead") {
	case "sign_in":
		way.forget(v.transaction)
		s.saved(c, v, signInPage(v))
		return
	case "again":
		way.forget(v.transaction)
		s.saved(c, v, way.page)
		return
	}
	v.stays(form.Get)
	typed := user.Normalize(form.Get("username"))
	err := error(ErrIdentifierMissing)
	if typed != "" && len(typed) <= 254 {
		ctx := c.Request.Context()
		if err = s.checkWork(ctx, v, way.page, typed, form); err == nil {
			err = s.askedFor(c, v, way, typed)
		}
	}
	if err != nil {
		s.mailStepFailed(c, v, err, func(status int, problem *fault.Error) { s.showByMail(c, v, way, status, typed, problem) })
		return
	}
	s.advance(c, v, way.page)
}

// named is whom a text names, as far as mails to them are concerned.
type named struct {
	typed  string
	person *user.User // nil for nobody
	own    string     // whose counts pay for them, see countOf
}

func (s *SignIn) named(ctx context.Context, v *visit, typed string) (named, error) {
	person, _, err := s.Users.ByIdentifier(ctx, s.Store, v.organization.ID, typed)
	id := uuid.Nil
	switch {
	case err == nil:
		id = person.ID
	case !fault.IsKind(err, fault.NotFound):
		return named{}, err
	}
	own, err := s.own(ctx, v, id)
	return named{typed: typed, person: person, own: own}, err
}

// askedFor takes the name that somebody typed.
func (s *SignIn) askedFor(c *gin.Context, v *visit, way byMail, typed string) error {
	ctx := c.Request.Context()
	whom, err := s.named(ctx, v, typed)
	if err == nil {
		err = s.Recoveries.countNetwork(ctx, v.organization.ID, whom.own)
	}
	if err == nil {
		err = s.suspicious(ctx, v, way.page, typed)
	}
	if err == nil {
		err = s.mailTo(c, v, way, whom)
	}
	return err
}

// mailTo writes a code down and sends it to the address of whom was named; to nobody where there is nobody.
func (s *SignIn) mailTo(c *gin.Context, v *visit, way byMail, whom named) error {
	ctx, before := c.Request.Context(), way.proof(v.transaction)
	if before != nil && before.Mails >= login.MailsMost {
		return ErrNoMoreMails
	}
	data, person, id := login.RecoveryData{Typed: whom.typed}, whom.person, uuid.Nil
	if person != nil {
		id = person.ID
	}
	if err := s.Recoveries.typed.count(ctx, v.organization.ID, whom.own, strings.ToLower(whom.typed)); err != nil {
		return ratelimit.About(err, id)
	}
	reachable := person != nil && person.MayProve() && person.Email != ""
	if reachable {
		data.UserID, data.Email = person.ID, person.Email
	}
	// Counted for nobody, too; refused in silence, because a refusal would tell whose names are one account.
	if err := s.Recoveries.account.count(ctx, v.organization.ID, whom.own, subjectOf(data)); fault.IsKind(err, fault.RateLimited) {
		reachable = false
		_ = c.Error(ratelimit.About(err, id)) // only the audit log tells it
	} else if err != nil {
		return err
	} else if _, _, err := s.State.Get(ctx, (&ratelimit.Refusal{OrgID: v.organization.ID, Subject: subjectOf(data)}).Mark()); err != nil {
		return err // read for the time it takes: a refusal has its mark read
	}
	proof, code, err := s.newProof(v.transaction, before, data, subjectOf(data))
	if err != nil {
		return err
	}
	if !reachable {
		proof.Code = s.codeHash(v.transaction, subjectOf(data), secret.New(s.Random)) // of a code that nobody is told
	}
	way.wants(v.transaction, proof, s.Now())
	if err := s.Transactions.Save(ctx, v.transaction); err != nil {
		return err
	}
	query := url.Values{"transaction": {v.transaction.ID}, "code": {code}}
	content := way.write(s.letterFrame(c, v), spoken(code), s.Issuers.Endpoint(v.organization, way.confirm)+"?"+query.Encode(), int(codeLifetime/time.Minute))
	written := mailqueue.Mail{OrgID: v.organization.ID, Kind: way.kind, FromName: v.organization.DisplayName, Expires: proof.Expires, Subject: content.Subject, Text: content.Text, HTML: content.HTML}
	put := s.Mails.PutNothing
	if reachable {
		put, written.To, written.UserID = s.Mails.Put, person.Email, person.ID
	}
	return s.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error { return put(ctx, tx, written) })
}

// subjectOf is whose proof it is.
func subjectOf(data login.RecoveryData) string {
	if data.UserID == uuid.Nil {
		return "nobody:" + strings.ToLower(data.Typed)
	}
	return data.UserID.String()
}

// letterFrame is what a mail to the person in front of the browser has.
func (s *SignIn) letterFrame(c *gin.Context, v *visit) letter.Frame {
	frame := s.frame(c, v.organization, v.transaction.Required.Requirement.UILocales)
	return letter.Frame{Text: frame.Text, Organization: v.organization.DisplayName, Color: v.organization.Branding.BrandColor, Site: s.Issuers.URL(v.organization)}
}

// confirmByMail serves GET and POST of the page that takes the code of the mail.
func (s *SignIn) confirmByMail(c *gin.Context, way byMail) {
	if c.Request.Method == http.MethodPost {
		s.postConfirmByMail(c, way)
		return
	}
	if s.inOtherBrowser(c) {
		return
	}
	v := s.visit(c, c.Query("transaction"))
	if v == nil {
		return
	}
	if _, show := s.advance(c, v, way.confirm); show {
		s.showConfirmByMail(c, v, way, http.StatusOK, spoken(readCode(c.Query("code"))), nil)
	}
}

func (s *SignIn) showConfirmByMail(c *gin.Context, v *visit, way byMail, status int, code string, problem *fault.Error) {
	required, proof := v.transaction.Required, way.proof(v.transaction)
	data, err := openProof[login.RecoveryData](s, v.transaction, proof)
	if err != nil {
		s.Error(c, err)
		return
	}
	view := page.ConfirmCode{Frame: s.frame(c, v.organization, required.Requirement.UILocales), Form: s.form(v, way.confirm), For: way.purpose, BackURL: path(v.organization, way.page),
		Account: data.Typed, Code: code, Again: c.Query("again") != "" && problem == nil, Fault: problem, MayResend: proof.Mails < login.MailsMost}
	view.Client, _ = s.clientView(c, v.organization, required.ClientID, view.Text.Language())
	if view.Work, err = s.work(c.Request.Context(), v, way.confirm, data.Typed, problem); err != nil {
		s.Error(c, err)
		return
	}
	s.render(c, status, view, s.leadsTo(v)...)
}

func (s *SignIn) postConfirmByMail(c *gin.Context, way byMail) {
	v, form := s.atStep(c, way.confirm, nil, way.step)
	if v == nil {
		return
	}
	data, err := openProof[login.RecoveryData](s, v.transaction, way.proof(v.transaction))
	if err != nil {
		s.Error(c, err)
		return
	}
	if form.Get("resend") != "" {
		if err = s.checkWork(c.Request.Context(), v, way.confirm, data.Typed, form); err == nil {
			err = s.askedFor(c, v, way, data.Typed)
		}
		if err == nil {
			s.Pages.SeeOther(c, path(v.organization, way.confirm)+"?again=1&transaction="+v.transaction.ID)
			return
		}
	} else {
		ctx := c.Request.Context()
		if err = s.checkCode(ctx, v.transaction, way.proof(v.transaction), subjectOf(data), readCode(form.Get("code"))); err == nil {
			err = way.proved(s, ctx, v, data)
		}
	}
	switch problem := fault.From(err); {
	case err == nil:
		s.advance(c, v, way.confirm)
	case problem.Field == "username":
		way.forget(v.transaction) // it leads nowhere: another way is needed
		if err := s.Transactions.Save(c.Request.Context(), v.transaction); err != nil {
			s.stepFailed(c, v, err)
			return
		}
		s.loginFailed(c, v, data.Typed, err)
	default:
		s.mailStepFailed(c, v, err, func(status int, problem *fault.Error) {
			s.showConfirmByMail(c, v, way, status, form.Get("code"), problem)
		})
	}
}

// ofMailbox is the person whose mailbox was proved, if it is theirs still: the address may have been changed while the code was on
// its way. ErrCodeVoid when it was.
func (s *SignIn) ofMailbox(ctx context.Context, db store.DB, v *visit, data login.RecoveryData) (*user.User, error) {
	person, err := s.Users.ByID(ctx, db, v.organization.ID, data.UserID)
	if fault.IsKind(err, fault.NotFound) {
		return nil, ErrCodeVoid.WithCause(err)
	}
	if err == nil && (!person.MayProve() || data.Email != "" && !strings.EqualFold(person.Email, data.Email)) {
		return nil, ErrCodeVoid
	}
	return person, err
}
