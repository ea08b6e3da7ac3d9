package signin

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/client"
	"github.com/clavex/clavex/backend/internal/credential"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/login"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/reqctx"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/letter"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// visit is one request of a browser about one sign-in.
type visit struct {
	organization *org.Organization
	browser      string // the browser's own secret
	browserHash  []byte
	tokens       []string // the session tokens that the browser has, or was just given
	devices      []string // the tokens by which it is remembered
	transaction  *login.Transaction
	clientRowID  uuid.UUID // clients.id of the application; uuid.Nil when there is none
	challenge    string    // that the form was sent with
}

// Begin implements what protocols call when they need a signed-in person: it starts a transaction in this
// browser and goes to its first page.
func (s *SignIn) Begin(c *gin.Context, required login.Required) { s.beginAt(c, required, pathLogin) }

// beginAt begins a sign-in with the form of the page, where that is a form of its first step.
func (s *SignIn) beginAt(c *gin.Context, required login.Required, page string) {
	organization := oauth.Organization(c)
	if err := s.mayBegin(c, organization); err != nil {
		s.Error(c, err)
		return
	}
	_, hash := s.browser(c, organization)
	transaction, err := s.Transactions.Begin(c.Request.Context(), organization.ID, hash, required)
	if err != nil {
		s.Error(c, err)
		return
	}
	s.Pages.SeeOther(c, path(organization, page)+"?transaction="+transaction.ID)
}

// visit loads the transaction that a page or form is about. It answers itself, and returns nil, when the
// sign-in cannot go on in this browser.
func (s *SignIn) visit(c *gin.Context, id string) *visit {
	organization := oauth.Organization(c)
	browser, hash := s.browser(c, organization)
	transaction, err := s.Transactions.Load(c.Request.Context(), organization.ID, id, hash)
	if err != nil {
		if errors.Is(err, login.ErrExpired) {
			s.expired(c, organization, transaction)
		} else {
			s.Error(c, err)
		}
		return nil
	}
	v := &visit{organization: organization, browser: browser, browserHash: hash, tokens: s.Cookies.Tokens(c.Request, organization), devices: s.Cookies.Devices(c.Request, organization), transaction: transaction}
	if consent := transaction.Required.Requirement.Consent; consent != nil {
		v.clientRowID = consent.ClientID
	}
	return v
}

// expired shows that a sign-in cannot go on, with a way to start it again where one is known. Of a completed
// one, to which the back button leads, it goes back to the application; starting it again would repeat a
// request whose answer the application does not wait for any more. Everybody may go to the organization's
// own page, which tells who is signed in or lets them do so.
func (s *SignIn) expired(c *gin.Context, organization *org.Organization, transaction *login.Transaction) {
	view := page.Expired{Frame: s.frame(c, organization, nil), HomeURL: path(organization, "")}
	switch {
	case transaction == nil:
	case transaction.Over():
		view.Completed = true
		if shown, found := s.clientView(c, organization, transaction.Required.ClientID, view.Text.Language()); found != nil {
			view.Client, view.ReturnURL = shown, transaction.ReturnURL
		}
	default:
		if continuation, ok := s.continuations[transaction.Required.Continuation]; ok {
			view.RestartURL = continuation.RestartURL(organization, transaction)
		}
	}
	_ = c.Error(login.ErrExpired)
	s.render(c, http.StatusGone, view)
}

// facts reads anew what is true now.
func (s *SignIn) facts(ctx context.Context, v *visit) (login.Facts, error) {
	browser, err := s.Sessions.InBrowser(ctx, v.organization, v.tokens, v.clientRowID)
	if err != nil {
		return login.Facts{}, err
	}
	facts := login.Facts{Browser: browser, SignUpOpen: s.SignUpOpen(ctx, v.organization), RecoveryOpen: s.recoveryOpen(ctx, v.organization),
		MagicLinksOpen: s.magicLinksOpen(ctx, v.organization), Doable: s.Doable(ctx, v.organization)}
	if id := v.transaction.Progress.UserID; id != uuid.Nil {
		person, err := s.Users.ByID(ctx, s.Store, v.organization.ID, id)
		if err != nil && !fault.IsKind(err, fault.NotFound) {
			return login.Facts{}, err
		}
		if person != nil && person.MayProve() {
			facts.User = person
		}
	}
	if facts.Factors, err = s.factors(ctx, v, browser); err != nil {
		return facts, err
	}
	facts.Terms, err = s.due(ctx, v, facts)
	return facts, err
}

// advance goes on with the sign-in: it asks what is next and either goes to that step's page, or begins the
// session, or completes. It returns the facts when the page of the asked step is the one to show.
func (s *SignIn) advance(c *gin.Context, v *visit, asked string) (facts login.Facts, show bool) {
	ctx := c.Request.Context()
	for {
		facts, err := s.facts(ctx, v)
		if err != nil {
			s.Error(c, err)
			return facts, false
		}
		switch step := v.transaction.Next(facts); step {
		case login.BeginSession:
			if err := s.beginSession(c, v, facts); err != nil {
				s.stepFailed(c, v, err)
				return facts, false
			}
		case login.Complete:
			s.complete(c, v, facts.Browser)
			return facts, false
		default:
			wanted := pathOf(step)
			if wanted == pathLogin && asked != pathLogin {
				wanted = signInPage(v)
			}
			if asked == pathSignUp && v.transaction.MaySignUp(facts) || asked == pathForgotPassword && v.transaction.MayRecover(facts) || asked == pathMagicLink && v.transaction.MayUseMagicLink(facts) || asked == pathWays && s.atWays(v, facts) {
				wanted = asked // another form of the same step
			}
			if asked != wanted || c.Request.Method != http.MethodGet && c.Request.Method != http.MethodHead {
				s.Pages.SeeOther(c, path(v.organization, wanted)+"?transaction="+v.transaction.ID)
				return facts, false
			}
			return facts, true
		}
	}
}

// beginSession turns what the steps proved into a session of this browser.
func (s *SignIn) beginSession(c *gin.Context, v *visit, facts login.Facts) error {
	progress := &v.transaction.Progress
	proof := session.Authenticated{Organization: v.organization, User: facts.User, BrowserHash: v.browserHash, Methods: progress.Methods,
		At: progress.AuthenticatedAt, Browser: facts.Browser, Passing: v.transaction.Required.Continuation == handOverContinuation}
	if passkey := progress.Passkey; passkey != nil {
		proof.PasskeyID, proof.AAGUID = passkey.ID, passkey.AAGUID
	}
	if v.transaction.Remembers(facts.Factors, progress.Methods) && !slices.Contains(progress.Methods, session.MethodMultipleFactors) {
		proof.DeviceID = facts.Factors.Remembered
	}
	proof.Persistent = v.transaction.Persistent
	var begun session.Session
	var token, remembered string
	err := s.Store.InTx(c.Request.Context(), func(ctx context.Context, tx *store.Tx) (err error) {
		if err := s.Users.Hold(ctx, tx, v.organization.ID, facts.User.ID); err != nil { // before any session; of two at once, one is the last
			return err
		}
		if err := s.stillProved(ctx, tx, v); err != nil {
			return err
		}
		if progress.Stronger != uuid.Nil {
			err := s.Sessions.StillLive(ctx, tx, v.organization.ID, progress.Stronger)
			if fault.IsKind(err, fault.NotFound) {
				return credential.ErrReplaced.WithCause(err) // the session that this one rests on has ended
			}
			if err != nil {
				return err
			}
		}
		if remembered, err = s.remember(ctx, tx, v, facts.User, proof.DeviceID); err != nil {
			return err
		}
		begun, token, err = s.Sessions.Begin(ctx, tx, proof)
		if err == nil {
			err = s.endStrayed(ctx, tx, v, facts)
		}
		if err == nil && progress.Former != uuid.Nil {
			err = s.endFormer(ctx, tx, v)
		}
		if err != nil || begun.Novelty == (session.Novelty{}) || !v.organization.Policies.TellsSignIns() {
			return err
		}
		return s.tellSignIn(ctx, tx, v.organization, facts.User, begun)
	})
	if err != nil {
		return err
	}
	progress.SessionID = begun.ID
	saved := s.Transactions.Save(c.Request.Context(), v.transaction)
	if saved != nil && facts.Browser.ByID(begun.ID) == nil { // another tab began one, and nobody gets the token of this one
		return errors.Join(saved, s.endUnused(c.Request.Context(), v, begun))
	}
	browser := facts.Browser.Begun(begun, facts.User, token)
	s.Cookies.SetSessions(c.Writer, c.Request, v.organization, browser)
	if remembered != "" {
		s.Cookies.AddDevice(c.Writer, c.Request, v.organization, remembered, rememberedFor(v.organization))
	}
	v.tokens = browser.Tokens()
	return saved
}

// endStrayed ends what the person had in this browser that was not taken, because it began in another kind of browser: the token
// that the browser had for them is worth nothing after they proved themselves.
func (s *SignIn) endStrayed(ctx context.Context, tx *store.Tx, v *visit, facts login.Facts) error {
	if len(v.tokens) == len(facts.Browser) {
		return nil
	}
	presented, err := s.Sessions.Presented(ctx, tx, v.organization.ID, v.tokens, uuid.Nil)
	if err != nil {
		return err
	}
	strayed := presented.Of(facts.User.ID)
	if strayed == nil || facts.Browser.ByID(strayed.Session.ID) != nil {
		return nil
	}
	err = s.Sessions.EndOf(ctx, tx, actorOf(facts.User), v.organization.ID, facts.User.ID, strayed.Session.ID, "signed in anew in another kind of browser")
	if fault.IsKind(err, fault.NotFound) {
		return nil
	}
	return err
}

// endUnused ends a session that no browser was told of.
func (s *SignIn) endUnused(ctx context.Context, v *visit, begun session.Session) error {
	return s.Store.InTx(context.WithoutCancel(ctx), func(ctx context.Context, tx *store.Tx) error {
		err := s.Sessions.End(ctx, tx, audit.Actor{Kind: audit.System, Name: "sign-in"}, v.organization.ID, begun.ID, "begun twice at once")
		if fault.IsKind(err, fault.NotFound) {
			return nil
		}
		return err
	})
}

// remember uses the remembered device in whose stead a session begins, or remembers this one where the person said so; then
// it returns the token for its cookie.
func (s *SignIn) remember(ctx context.Context, tx *store.Tx, v *visit, person *user.User, device uuid.UUID) (string, error) {
	if device != uuid.Nil {
		return "", s.Remembered.Use(ctx, tx, v.organization.ID, person.ID, device)
	}
	if !v.transaction.Progress.Remember || rememberedFor(v.organization) == 0 {
		return "", nil
	}
	token, err := s.Remembered.Remember(ctx, tx, actorOf(person), credential.Person{OrgID: v.organization.ID, UserID: person.ID, BrowserHash: v.browserHash}, rememberedFor(v.organization))
	if err != nil {
		return "", err
	}
	return token, s.Letters.FactorChanged(ctx, tx, v.organization, person, letter.DeviceRemembered)
}

// stillProved refuses to go on with the proof of a password that was replaced since, or of a passkey that was removed:
// the transaction may have waited at a page while its person, or an administrator, shut somebody out.
func (s *SignIn) stillProved(ctx context.Context, db store.DB, v *visit) error {
	progress := &v.transaction.Progress
	if passkey := progress.Passkey; passkey != nil {
		if !s.passkeysOpen(v.organization) {
			return credential.ErrReplaced
		}
		if err := s.Passkeys.StillHolds(ctx, db, v.organization.ID, progress.UserID, passkey.ID); err != nil {
			return err
		}
	}
	if progress.Factor != uuid.Nil {
		if err := s.SecondFactors.StillHolds(ctx, db, v.organization.ID, progress.UserID, progress.Factor); err != nil {
			return err
		}
	}
	if progress.Identity != uuid.Nil {
		if err := s.Providers.StillHolds(ctx, db, v.organization.ID, progress.UserID, progress.Identity); fault.IsKind(err, fault.NotFound) {
			return credential.ErrReplaced.WithCause(err)
		} else if err != nil {
			return err
		}
	}
	if err := s.stillReads(ctx, db, v); err != nil {
		return err
	}
	if err := s.stillProvesByMail(ctx, db, v); err != nil {
		return err
	}
	if progress.Stronger != uuid.Nil || !slices.Contains(progress.Methods, methodPassword) {
		return nil // a session ends when its password is replaced
	}
	return s.Passwords.StillHolds(ctx, db, v.organization.ID, progress.UserID, progress.Password)
}

// complete finishes the transaction, once, and lets the protocol answer. The account it was for is the one used last.
func (s *SignIn) complete(c *gin.Context, v *visit, browser session.Browser) {
	ctx, live := c.Request.Context(), v.transaction.Live(browser)
	continuation, ok := s.continuations[v.transaction.Required.Continuation]
	if !ok {
		s.expired(c, v.organization, nil) // begun by a release that knew another protocol
		return
	}
	if err := s.finish(ctx, v); err != nil {
		s.stepFailed(c, v, err)
		return
	}
	if browser.Current() != live {
		browser = browser.First(live)
		s.Cookies.SetSessions(c.Writer, c.Request, v.organization, browser)
	}
	answer, err := continuation.Complete(ctx, v.organization, v.transaction, live, browser)
	if err != nil {
		s.errorWithRetry(c, err, continuation.RestartURL(v.organization, v.transaction))
		return
	}
	s.answerKnowing(c, answer, s.acceptedAfter(c, v, live))
}

// deny finishes the transaction, once, and lets the protocol say that the person refused.
func (s *SignIn) deny(c *gin.Context, v *visit) {
	ctx := c.Request.Context()
	if err := s.finish(ctx, v); err != nil {
		s.stepFailed(c, v, err)
		return
	}
	answer, err := s.continuations[v.transaction.Required.Continuation].Deny(ctx, v.organization, v.transaction)
	if err != nil {
		s.Error(c, err)
		return
	}
	s.answer(c, answer)
}

// finish ends the transaction and leaves behind where its application is: the front page of the validated host
// that the answer goes to. Nothing that the browser sends says where that is, so it cannot lead elsewhere.
// Native applications have no page on the loopback port where they wait for an answer.
func (s *SignIn) finish(ctx context.Context, v *visit) error {
	home := ""
	if id := v.transaction.Required.ClientID; id != "" {
		found, err := s.Clients.ByClientID(ctx, v.organization.ID, id)
		if err == nil && found.ApplicationType != client.Native {
			home = frontPage(s.leadsTo(v))
		}
	}
	return s.Transactions.Finish(ctx, v.transaction, home)
}

// frontPage is the front page of the site of an address, "" when that is no web site.
func frontPage(addresses []string) string {
	if site := webSite(addresses); site != nil {
		return site.Scheme + "://" + site.Host + "/"
	}
	return ""
}

// webHost is the host of the web site of an address, "" when that is none.
func webHost(addresses []string) string {
	if site := webSite(addresses); site != nil {
		return site.Host
	}
	return ""
}

func webSite(addresses []string) *url.URL {
	for _, address := range addresses {
		parsed, err := url.Parse(address)
		if err == nil && (parsed.Scheme == "https" || parsed.Scheme == "http") && parsed.Host != "" {
			return parsed
		}
	}
	return nil
}

// stepFailed answers when a step could not report: the sign-in moved on in another tab (then this one
// follows), ended meanwhile, lost what it had proved (then it starts over), or something is broken.
func (s *SignIn) stepFailed(c *gin.Context, v *visit, err error) {
	if errors.Is(err, credential.ErrReplaced) {
		_ = c.Error(err)
		v.transaction.StartOver()
		if err = s.Transactions.Save(c.Request.Context(), v.transaction); err == nil {
			err = login.ErrConcurrent // from here on as if another tab had done it
		}
	}
	switch {
	case errors.Is(err, login.ErrConcurrent):
		s.Pages.SeeOther(c, path(v.organization, pathLogin)+"?transaction="+v.transaction.ID)
	case errors.Is(err, login.ErrExpired):
		s.expired(c, v.organization, v.transaction)
	default:
		s.Error(c, err)
	}
}

// Answer tells the browser what a protocol answered outside a transaction.
func (s *SignIn) Answer(c *gin.Context, answer login.Answer) {
	s.answer(c, answer)
}

// answer redirects, or shows a form that posts itself.
func (s *SignIn) answer(c *gin.Context, answer login.Answer) { s.answerKnowing(c, answer, "") }

// answerKnowing is answer, telling the browser on its way which passkeys the person has.
func (s *SignIn) answerKnowing(c *gin.Context, answer login.Answer, accepted string) {
	organization := oauth.Organization(c)
	if len(answer.Sessions) > 0 {
		s.Cookies.KeepState(c.Writer, c.Request, organization, answer.Sessions)
	}
	frame := s.frame(c, organization, nil)
	var shown page.Client
	if view, _ := s.clientView(c, organization, answer.ClientID, frame.Text.Language()); view != nil {
		shown = *view
	}
	if answer.FormPost == nil {
		s.leave(c, page.Leaving{Frame: frame, Client: shown, URL: answer.RedirectURL, Accepted: accepted})
		return
	}
	fields := make([]page.Field, len(answer.FormPost.Fields))
	for i, field := range answer.FormPost.Fields {
		fields[i] = page.Field{Name: field.Name, Value: field.Value}
	}
	s.render(c, http.StatusOK, page.FormPost{Frame: frame, Client: shown, Action: answer.FormPost.Action, Fields: fields}, answer.FormPost.Action)
}

// leave sends the browser on to an application.
func (s *SignIn) leave(c *gin.Context, view page.Leaving) {
	if err := s.Pages.Leave(c, view); err != nil {
		_ = c.Error(err)
		c.AbortWithStatus(http.StatusInternalServerError)
	}
}

// leadsTo is where forms of this sign-in may lead in the end, for the pages' policy.
func (s *SignIn) leadsTo(v *visit) []string {
	continuation, ok := s.continuations[v.transaction.Required.Continuation]
	if !ok {
		return nil
	}
	if address := continuation.LeadsTo(v.transaction); address != "" {
		return []string{address}
	}
	return nil
}

// form is the hidden part of a form about this sign-in.
func (s *SignIn) form(v *visit, name string) page.Form {
	return page.Form{Action: path(v.organization, name), Transaction: v.transaction.ID, CSRFToken: s.formToken(v.organization, v.browser, v.transaction.ID)}
}

// consentToken binds the consent form to the session of the person who is asked: of two people at one
// browser, neither answers for the other.
func (s *SignIn) consentToken(v *visit, live *session.Live) string {
	return s.formToken(v.organization, v.browser, v.transaction.ID+" "+live.Session.ID.String())
}

// posted reads a form about a sign-in, loads its transaction and checks where the form came from. It
// answers itself, and returns nil, when the form is not to be acted on.
func (s *SignIn) posted(c *gin.Context) (*visit, oauth.Parameters) {
	v, form := s.received(c)
	if v == nil {
		return nil, form
	}
	if err := s.checkForm(c, form, s.formToken(v.organization, v.browser, v.transaction.ID)); err != nil {
		s.Error(c, err)
		return nil, form
	}
	return v, form
}

// received is posted without the check: the caller makes it before it acts on the form.
func (s *SignIn) received(c *gin.Context) (*visit, oauth.Parameters) {
	form, err := oauth.ReadForm(c)
	if err != nil {
		s.Error(c, err)
		return nil, form
	}
	return s.visit(c, form.Get("transaction")), form
}

func actorOf(person *user.User) audit.Actor {
	return audit.Actor{Kind: audit.User, ID: person.ID.String(), Name: person.Username}
}

func requestID(c *gin.Context) string { return reqctx.From(c.Request.Context()).ID }
