package account

import "github.com/clavex/clavex/backend/internal/web/text"

// The paths of the pages below an organization.
const (
	pathProfile      = "account"
	pathEmail        = "account/email"
	pathMethods      = "account/sign-in"
	pathPassword     = "account/password"
	pathPasskeys     = "account/passkeys"
	pathFactor       = "account/second-factor"
	pathSessions     = "account/sessions"
	pathApplications = "account/applications"
	pathActivity     = "account/activity"
	pathData         = "account/data"
	pathIdentities   = "account/identities"
	pathDelete       = "account/delete"
	pathTerms        = "account/terms"
)

// places are all pages, in the order of the list.
func (a *Account) places() []place {
	return []place{
		{path: pathProfile, label: func(w *text.Printer) string { return w.T("account_profile") }, show: (*visit).showProfile, post: (*visit).postProfile},
		{path: pathEmail, of: pathProfile, title: func(w *text.Printer) string { return w.T("account_email") }, sudo: true, show: (*visit).showEmail, post: (*visit).postEmail},
		{path: pathMethods, label: func(w *text.Printer) string { return w.T("account_methods") }, show: (*visit).showMethods},
		{path: pathPassword, of: pathMethods, title: func(w *text.Printer) string { return w.T("account_password") }, sudo: true, show: (*visit).showPassword, post: (*visit).postPassword},
		{path: pathPasskeys, of: pathMethods, title: func(w *text.Printer) string { return w.T("account_passkeys") }, sudo: true, show: (*visit).showPasskeys, post: (*visit).postPasskeys},
		{path: pathFactor, of: pathMethods, title: func(w *text.Printer) string { return w.T("account_factor") }, sudo: true, show: (*visit).showFactor, post: (*visit).postFactor},
		{path: pathIdentities, of: pathMethods, title: func(w *text.Printer) string { return w.T("account_identities") }, sudo: true, show: (*visit).showIdentities, post: (*visit).postIdentities},
		{path: pathSessions, label: func(w *text.Printer) string { return w.T("account_sessions") }, show: (*visit).showSessions, post: (*visit).postSessions},
		{path: pathApplications, label: func(w *text.Printer) string { return w.T("account_applications") }, show: (*visit).showApplications, post: (*visit).postApplications},
		{path: pathActivity, label: func(w *text.Printer) string { return w.T("account_activity") }, show: (*visit).showActivity},
		{path: pathTerms, label: func(w *text.Printer) string { return w.T("account_terms") }, listed: (*visit).hasTerms, show: (*visit).showTerms},
		{path: pathData, label: func(w *text.Printer) string { return w.T("account_data") }, sudo: true, withoutTerms: true, show: (*visit).showData, post: (*visit).postData},
		{path: pathDelete, of: pathData, title: func(w *text.Printer) string { return w.T("account_delete") }, sudo: true, withoutTerms: true, show: (*visit).showDelete, post: (*visit).postDelete},
	}
}

// done says what was just done, as the address of the page remembers it.
func (v *visit) done() string {
	switch v.c.Query("done") {
	case "saved":
		return v.words.T("done_saved")
	case "email":
		return v.words.T("done_email")
	case "password":
		return v.words.T("done_password")
	case "passkey_added":
		return v.words.T("done_passkey_added")
	case "passkey_removed":
		return v.words.T("done_passkey_removed")
	case "factor_removed":
		return v.words.T("done_factor_removed")
	case "identity_removed":
		return v.words.T("done_identity_removed")
	case "session":
		return v.words.T("done_session")
	case "device":
		return v.words.T("done_device")
	case "sessions":
		return v.words.T("done_sessions")
	case "application":
		return v.words.T("done_application")
	}
	return ""
}

// back leads to a page after a form, and lets it say what was done.
func (v *visit) back(path, done string) { v.SignIn.Go(v.c, v.organization, path+"?done="+done) }
