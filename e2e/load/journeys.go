package main

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
)

const (
	publicURL   = "https://id.bench.test" // serve wants https; a proxy would terminate it, we speak to what is behind
	publicHost  = "id.bench.test"
	callbackURL = "https://app.bench.test/callback"
	verifier    = "a-code-verifier-of-the-load-generator-0123456789"
	password    = "Load-Generator-No-1"

	webClient     = "load-web"
	serviceClient = "load-service"
	clientSecret  = "load-secret-0123456789abcdef0123456789abcdef"

	demandedScopes = "openid profile email offline_access"
)

// authorizePath is an authorization request of the web client (RFC 6749 §4.1.1, RFC 7636).
func authorizePath(organization string) string {
	challenge := sha256.Sum256([]byte(verifier))
	return "/" + organization + "/authorize?" + url.Values{
		"client_id": {webClient}, "redirect_uri": {callbackURL}, "response_type": {"code"}, "scope": {demandedScopes},
		"state": {"a-state-of-usual-length-012345"}, "nonce": {"a-nonce-of-usual-length-012345"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(challenge[:])}, "code_challenge_method": {"S256"},
	}.Encode()
}

// signIn goes from an authorization request without a session through the login page to a code. The person
// comes from an address of their own, as the proxy in front of the server would tell it.
func (v *visitor) signIn(organization, username string) (code string, err error) {
	login, form, err := v.loginForm(organization)
	if err != nil {
		return "", err
	}
	form.Set("username", username)
	form.Set("password", password)
	left, err := v.browse(http.StatusSeeOther, post(login, form.Encode(), "Origin", publicURL))
	if err != nil {
		return "", err
	}
	return parameter(left, "code")
}

// loginForm goes to the login page and returns where its form goes and what is hidden in it.
func (v *visitor) loginForm(organization string) (action string, form url.Values, err error) {
	v.from = fmt.Sprintf("10.%d.%d.%d", rand.IntN(256), rand.IntN(256), 1+rand.IntN(254))
	redirect, err := v.browse(http.StatusSeeOther, get(authorizePath(organization)))
	if err != nil {
		return "", nil, err
	}
	login := strings.TrimPrefix(redirect.header.Get("Location"), publicURL)
	page, err := v.browse(http.StatusOK, get(login))
	if err != nil {
		return "", nil, err
	}
	form = hiddenFields(page.body)
	if form.Get("csrf_token") == "" {
		return "", nil, fmt.Errorf("%s shows no login form", pathOf(login))
	}
	return pathOf(login), form, nil
}

// authorize gets a code for a browser with a live session.
func (v *visitor) authorize(organization string) (code string, err error) {
	redirect, err := v.browse(http.StatusSeeOther, get(authorizePath(organization)))
	if err != nil {
		return "", err
	}
	return parameter(redirect, "code")
}

// tokens are what the token endpoint answered.
type tokens struct{ access, refresh string }

var errNoToken = errors.New("the token endpoint answered without a token")

func (v *visitor) redeem(organization, code string) (tokens, error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callbackURL}, "code_verifier": {verifier}}
	return v.token(organization, webClient, form)
}

func (v *visitor) refresh(organization, token string) (tokens, error) {
	return v.token(organization, webClient, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}})
}

func (v *visitor) clientCredentials(organization, clientID, scope string) (tokens, error) {
	form := url.Values{"grant_type": {"client_credentials"}}
	if scope != "" {
		form.Set("scope", scope)
	}
	return v.token(organization, clientID, form)
}

func (v *visitor) token(organization, clientID string, form url.Values) (tokens, error) {
	received, err := v.expect(http.StatusOK, post("/"+organization+"/token", form.Encode(), "Authorization", basic(clientID, clientSecret)))
	if err != nil {
		return tokens{}, err
	}
	found := tokens{jsonText(received.body, "access_token"), jsonText(received.body, "refresh_token")}
	if found.access == "" {
		return tokens{}, errNoToken
	}
	return found, nil
}

func (v *visitor) userinfo(organization, token string) error {
	received, err := v.expect(http.StatusOK, get("/"+organization+"/userinfo", "Authorization", "Bearer "+token))
	if err == nil && jsonText(received.body, "sub") == "" {
		err = errors.New("userinfo answered without sub")
	}
	return err
}

func (v *visitor) introspect(organization, clientID, token string) error {
	received, err := v.expect(http.StatusOK, post("/"+organization+"/introspect", url.Values{"token": {token}}.Encode(), "Authorization", basic(clientID, clientSecret)))
	if err == nil && !strings.Contains(string(received.body), `"active":true`) {
		err = errors.New("introspection of a good token answered that it is not active")
	}
	return err
}

// fetch gets a public document of the organization.
func (v *visitor) fetch(organization, document string) error {
	_, err := v.expect(http.StatusOK, get("/"+organization+"/"+document))
	return err
}
