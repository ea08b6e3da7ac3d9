// Package grant keeps what people allowed clients: consents, and the grants from which tokens are
// made. An authorization code is a hashed, expiring column of its grant; redeeming it and rotating a
// refresh token are single conditional statements, so of several simultaneous uses exactly one wins.
//
// What the tokens look like is the business of the protocol packages.
package grant

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/fido"
	"github.com/clavex/clavex/backend/internal/seal"
	"github.com/clavex/clavex/backend/internal/secret"
	"github.com/clavex/clavex/backend/internal/session"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
	"github.com/clavex/clavex/backend/internal/user"
)

const (
	// CodeLifetime is how long an authorization code may be redeemed (FAPI 2.0 §5.3.2.1: at most 60 s).
	CodeLifetime = 60 * time.Second
	// OfflineAccess is the scope that lets a grant outlive its session (OpenID Connect Core 1.0 §11).
	OfflineAccess = "offline_access"

	successorLabel = "refresh-token-successor"
	retention      = 24 * time.Hour // how long an expired grant stays, so that a replayed code is recognised
)

// The faults of this package. Protocols answer all of them with invalid_grant.
var (
	ErrCodeInvalid    = fault.New(fault.Invalid, "code_invalid", "The authorization code is wrong, expired, or meant for another client, redirect URI or code verifier.")
	ErrCodeReused     = fault.New(fault.Invalid, "code_reused", "The authorization code was used before; everything made from it has been revoked.")
	ErrRefreshInvalid = fault.New(fault.Invalid, "refresh_token_invalid", "The refresh token is wrong, expired or revoked.")
	ErrRefreshReused  = fault.New(fault.Invalid, "refresh_token_reused", "The refresh token was used before; the grant has been revoked.")
	ErrSessionEnded   = fault.New(fault.Unauthenticated, "session_ended", "The session has ended. Sign in again.")
	ErrScopeTooWide   = fault.New(fault.Invalid, "scope_too_wide", "More was asked for than was granted.")
)

// Grants issues codes, redeems them, rotates and revokes. It is safe for concurrent use.
type Grants struct {
	db     *store.Store
	log    *audit.Log
	models *fido.Models
	now    func() time.Time
	keys   *seal.Ring
	rand   interface{ Read([]byte) (int, error) }
}

// New makes the keeper of grants.
func New(db *store.Store, log *audit.Log, models *fido.Models, now func() time.Time, keys *seal.Ring, random interface{ Read([]byte) (int, error) }) *Grants {
	return &Grants{db: db, log: log, models: models, now: now, keys: keys, rand: random}
}

// Grant is what a token is made from.
type Grant struct {
	ID              uuid.UUID
	UserID          uuid.UUID
	SessionID       uuid.UUID // uuid.Nil when the session's row is gone
	Scopes          []string  // what was granted
	Nonce           string
	AuthenticatedAt time.Time
	Methods         []string // amr
	ACR             string
	Audience        []string
	Claims          json.RawMessage // the claims parameter (OpenID Connect Core 1.0 §5.5); nil when there was none
	Details         json.RawMessage // authorization_details (RFC 9396); nil when there were none
}

// Authorization is what a person has just allowed a client.
type Authorization struct {
	OrgID          uuid.UUID
	ClientID       uuid.UUID // clients.id, not client_id
	Session        session.Session
	IdleUntil      time.Time // session.IdleUntil of now
	Scopes         []string
	Nonce          string
	RedirectURI    string // as requested
	CodeChallenge  string // S256; "" for a client that need not use PKCE
	ACR            string
	Audience       []string
	Claims         json.RawMessage // the claims parameter, nil when there was none
	Details        json.RawMessage // authorization_details, nil when there were none
	WithoutCode    bool            // everything is delivered at once: no code is made
	TokensExpireAt time.Time       // when the tokens that are delivered with the response die; zero when none is
	TellOfEnd      bool            // the client wants to hear of the session's end
	BoundTo        string          // who alone may redeem the code (RFC 9449 §10); "" for whoever has everything else
	Held           *Held           // what the client holds already in the place of a code
}

// Held is a secret that a client got before anybody allowed it anything (a device code), and redeems once like an
// authorization code.
type Held struct {
	Kind      string // stands in the place of the code challenge, and is none: no verifier redeems it
	Hash      []byte
	ExpiresAt time.Time
}

// Issue writes the grant down and returns it with its authorization code ("" WithoutCode), in one round trip
// that also touches the session. ErrSessionEnded when the session has ended meanwhile: whoever ends it at the same
// moment either comes first, or finds the grant.
func (g *Grants) Issue(ctx context.Context, authorization Authorization) (*Grant, string, error) {
	return g.issue(ctx, g.db, authorization)
}

func (g *Grants) issue(ctx context.Context, db store.DB, authorization Authorization) (*Grant, string, error) {
	rules, err := g.models.Rules(ctx, authorization.OrgID)
	if err != nil {
		return nil, "", err
	}
	now := g.now()
	expires, in := now.Add(CodeLifetime), authorization.Session
	parameters := dbq.InsertGrantParams{
		OrgID: authorization.OrgID, ID: store.NewID(), ClientID: authorization.ClientID, UserID: in.UserID,
		SessionID: in.ID, Scopes: list(authorization.Scopes), Nonce: optional(authorization.Nonce), RedirectURI: authorization.RedirectURI,
		CodeChallenge: authorization.CodeChallenge, AuthenticatedAt: in.AuthenticatedAt, Methods: list(in.Methods), Acr: authorization.ACR,
		Audience: list(authorization.Audience), Claims: authorization.Claims, AuthorizationDetails: authorization.Details, CreatedAt: now, ExpiresAt: expires, SeenAt: now,
		SessionIdleExpiresAt: authorization.IdleUntil, TouchBefore: session.TouchBefore(now), TellOfEnd: authorization.TellOfEnd,
		BoundTo: authorization.BoundTo, RefusedModels: rules.Refused(), AcceptedModels: rules.Accepted(),
	}
	if authorization.TokensExpireAt.After(expires) {
		parameters.ExpiresAt = authorization.TokensExpireAt
	}
	code := ""
	switch held := authorization.Held; {
	case held != nil:
		parameters.CodeHash, parameters.CodeChallenge, parameters.CodeExpiresAt = held.Hash, held.Kind, &held.ExpiresAt
		parameters.ExpiresAt = held.ExpiresAt
	case !authorization.WithoutCode:
		code = secret.New(g.rand)
		parameters.CodeHash, parameters.CodeExpiresAt = secret.Hash(code), &expires
	}
	if _, err := dbq.New(db).InsertGrant(ctx, parameters); store.IsNotFound(err) {
		return nil, "", ErrSessionEnded
	} else if err != nil {
		return nil, "", err
	}
	return &Grant{ID: parameters.ID, UserID: in.UserID, SessionID: in.ID, Scopes: parameters.Scopes, Nonce: authorization.Nonce, AuthenticatedAt: in.AuthenticatedAt,
		Methods: parameters.Methods, ACR: authorization.ACR, Audience: parameters.Audience, Claims: authorization.Claims, Details: authorization.Details}, code, nil
}

// Redemption is a client's attempt to redeem a code.
type Redemption struct {
	OrgID                uuid.UUID
	ClientID             uuid.UUID
	Code                 string
	RedirectURI          string
	CodeChallenge        string        // computed from the presented verifier (RFC 7636 §4.6); "" when none was presented
	WithRefreshToken     bool          // the client registered the grant type
	RefreshTokenLifetime time.Duration //
	AccessTokenLifetime  time.Duration // the grant's row is kept for at least as long
	Holders              []string      // what the client has proven to hold: its DPoP key, its TLS certificate
	BindTo               string        // who alone may use the refresh tokens; "" for every holder that authenticates
}

// RedeemCode redeems an authorization code in one round trip and returns the grant and, when wanted, its
// first refresh token. A wrong attempt changes nothing, before and after the code was redeemed; a second use
// that has everything right revokes all that was made from it (RFC 6749 §4.1.2).
func (g *Grants) RedeemCode(ctx context.Context, attempt Redemption) (*Grant, string, error) {
	refreshToken := secret.New(g.rand)
	row, err := g.redeem(ctx, attempt, secret.Hash(attempt.Code), refreshToken)
	if store.IsNotFound(err) {
		return nil, "", g.refuseCode(ctx, attempt)
	}
	if err != nil {
		return nil, "", err
	}
	if !attempt.WithRefreshToken {
		refreshToken = ""
	}
	return redeemed(row), refreshToken, nil
}

func (g *Grants) redeem(ctx context.Context, attempt Redemption, codeHash []byte, refreshToken string) (dbq.RedeemCodeRow, error) {
	rules, err := g.models.Rules(ctx, attempt.OrgID)
	if err != nil {
		return dbq.RedeemCodeRow{}, err
	}
	now, lifetime := g.now(), attempt.AccessTokenLifetime
	if attempt.WithRefreshToken {
		lifetime = max(lifetime, attempt.RefreshTokenLifetime)
	}
	return dbq.New(g.db).RedeemCode(ctx, dbq.RedeemCodeParams{
		At: &now, OrgID: attempt.OrgID, CodeHash: codeHash, ClientID: attempt.ClientID, RedirectURI: attempt.RedirectURI,
		CodeChallenge: attempt.CodeChallenge, GrantExpiresAt: now.Add(lifetime), WithRefresh: attempt.WithRefreshToken, RefreshID: store.NewID(),
		RefreshHash: secret.Hash(refreshToken), RefreshExpiresAt: now.Add(attempt.RefreshTokenLifetime),
		Holders: list(attempt.Holders), BindTo: attempt.BindTo, RefusedModels: rules.Refused(), AcceptedModels: rules.Accepted(),
	})
}

func redeemed(row dbq.RedeemCodeRow) *Grant {
	return &Grant{ID: row.ID, UserID: row.UserID, SessionID: id(row.SessionID), Scopes: row.Scopes, Nonce: text(row.Nonce),
		AuthenticatedAt: row.AuthenticatedAt, Methods: row.Methods, ACR: row.Acr, Audience: row.Audience, Claims: row.Claims, Details: row.AuthorizationDetails}
}

// refuseCode says why a code was refused and revokes the grant when the same was done before. Whoever found the code
// of a public client in a history has neither its verifier nor a way to end what the application has.
func (g *Grants) refuseCode(ctx context.Context, attempt Redemption) error {
	redeemed, err := dbq.New(g.db).RedeemedGrantByCode(ctx, dbq.RedeemedGrantByCodeParams{OrgID: attempt.OrgID, CodeHash: secret.Hash(attempt.Code),
		ClientID: attempt.ClientID, RedirectURI: attempt.RedirectURI, CodeChallenge: attempt.CodeChallenge, Holders: list(attempt.Holders)})
	if store.IsNotFound(err) {
		return ErrCodeInvalid
	}
	if err != nil {
		return err
	}
	if err = g.Revoke(ctx, attempt.OrgID, redeemed, "authorization code used twice", clientActor(attempt.ClientID)); err != nil {
		return err
	}
	return ErrCodeReused
}

// Refresh is a client's attempt to use a refresh token.
type Refresh struct {
	OrgID       uuid.UUID
	ClientID    uuid.UUID
	Token       string
	Scopes      []string      // asked for; nil means those of the grant
	Lifetime    time.Duration // of the successor
	SessionIdle time.Duration // how long the session may now be idle, within its absolute lifetime
	// PersistentSessionIdle is the same for a session whose person stays signed in; SessionIdle when zero.
	PersistentSessionIdle time.Duration
	Holders               []string      // what the client has proven to hold: its DPoP key, its TLS certificate
	Grace                 time.Duration // how long the replaced token is answered with the same successor again
	Keep                  bool          // the token stays the same and lives on, instead of being replaced
}

// Rotate uses a refresh token in one round trip: it returns the grant, the scopes of the new access token
// and the successor. Simultaneous uses and retries within the grace window get the same successor; a later
// use revokes the grant and is recorded. A wrong attempt changes nothing. Without offline_access the session
// must go on, and counts as used.
func (g *Grants) Rotate(ctx context.Context, attempt Refresh) (found *Grant, scopes []string, successor string, err error) {
	if len(attempt.Token) != secret.Length {
		return nil, nil, "", ErrRefreshInvalid
	}
	rules, err := g.models.Rules(ctx, attempt.OrgID)
	if err != nil {
		return nil, nil, "", err
	}
	now := g.now()
	// The successor is derived from the presented token under the current key. After a rotation of the
	// key-encryption key inside the grace window a retry derives another one, which is then unknown: the
	// client signs in again. That is rare and safe.
	successor = secret.DeriveToken(g.keys.DeriveKey(successorLabel).Key, successorLabel, attempt.OrgID.String(), attempt.Token)
	row, err := dbq.New(g.db).RotateRefreshToken(ctx, dbq.RotateRefreshTokenParams{
		At: now, OrgID: attempt.OrgID, TokenHash: secret.Hash(attempt.Token), ClientID: attempt.ClientID, Scopes: list(attempt.Scopes),
		SuccessorID: store.NewID(), SuccessorHash: secret.Hash(successor), SuccessorExpiresAt: now.Add(attempt.Lifetime),
		SessionIdleExpiresAt: now.Add(attempt.SessionIdle), PersistentIdleExpiresAt: now.Add(max(attempt.PersistentSessionIdle, attempt.SessionIdle)), TouchBefore: session.TouchBefore(now),
		Holders: list(attempt.Holders), Keep: attempt.Keep, RefusedModels: rules.Refused(), AcceptedModels: rules.Accepted(),
	})
	if store.IsNotFound(err) {
		return nil, nil, "", ErrRefreshInvalid
	}
	if err != nil {
		return nil, nil, "", err
	}
	switch {
	case !row.Alive:
		return nil, nil, "", ErrRefreshInvalid
	case attempt.reused(now, row):
		reuse := audit.Event{Action: "refresh_token.reused", Actor: clientActor(attempt.ClientID), Outcome: audit.Failure,
			Target: audit.Target{Kind: "grant", ID: row.GrantID.String()}, Details: map[string]any{"user_id": row.UserID}}
		if err := g.revoke(ctx, attempt.OrgID, row.GrantID, "refresh token used again after its rotation", reuse); err != nil {
			return nil, nil, "", err
		}
		return nil, nil, "", ErrRefreshReused
	case !subset(attempt.Scopes, row.GrantScopes):
		return nil, nil, "", ErrScopeTooWide
	}
	if attempt.Keep && row.RotatedAt == nil {
		successor = attempt.Token
	}
	scopes = attempt.Scopes
	if scopes == nil {
		scopes = row.GrantScopes
	}
	return &Grant{ID: row.GrantID, UserID: row.UserID, SessionID: id(row.SessionID), Scopes: row.GrantScopes, Nonce: text(row.Nonce),
		AuthenticatedAt: row.AuthenticatedAt, Methods: row.Methods, ACR: row.Acr, Audience: row.Audience, Claims: row.Claims, Details: row.AuthorizationDetails}, scopes, successor, nil
}

// reused reports whether the token was used before and the grace window is over. Without one, whoever loses a race
// used it a second time.
func (r Refresh) reused(now time.Time, row dbq.RotateRefreshTokenRow) bool {
	if r.Grace == 0 {
		return row.RotatedAt != nil || !row.Won && subset(r.Scopes, row.GrantScopes)
	}
	return row.RotatedAt != nil && now.Sub(*row.RotatedAt) > r.Grace
}

// RevokeOfModels revokes a batch of what an organization's people granted in sessions that began with passkeys on some
// models, offline access included, records each, and returns how many. Doing it again goes on.
func (g *Grants) RevokeOfModels(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID uuid.UUID, models []uuid.UUID, reason string, limit int32) (int, error) {
	revoked, err := dbq.New(tx).RevokeGrantsOfModels(ctx, dbq.RevokeGrantsOfModelsParams{OrgID: orgID, Models: models, At: new(g.now()), Reason: &reason, RowLimit: limit})
	if err != nil {
		return 0, err
	}
	return len(revoked), g.recordRevoked(ctx, tx, actor, orgID, revoked, reason)
}

// RevokeOfUnmet is RevokeOfModels for passkeys that do not prove one of the accepted models.
func (g *Grants) RevokeOfUnmet(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID uuid.UUID, accepted []uuid.UUID, reason string, limit int32) (int, error) {
	revoked, err := dbq.New(tx).RevokeGrantsOfUnmetPasskeys(ctx, dbq.RevokeGrantsOfUnmetPasskeysParams{OrgID: orgID, AcceptedModels: accepted, At: new(g.now()), Reason: &reason, RowLimit: limit})
	if err != nil {
		return 0, err
	}
	return len(revoked), g.recordRevoked(ctx, tx, actor, orgID, revoked, reason)
}

func (g *Grants) recordRevoked(ctx context.Context, tx *store.Tx, actor audit.Actor, orgID uuid.UUID, revoked []uuid.UUID, reason string) error {
	for _, id := range revoked {
		if err := g.log.Record(ctx, tx, orgID, audit.Event{Action: "grant.revoked", Actor: actor, Target: audit.Target{Kind: "grant", ID: id.String()},
			Details: map[string]any{"reason": reason}}); err != nil {
			return err
		}
	}
	return nil
}

// Revoke revokes a grant with everything made from it, and records it. Doing it twice is harmless.
func (g *Grants) Revoke(ctx context.Context, orgID, grantID uuid.UUID, reason string, actor audit.Actor) error {
	return g.revoke(ctx, orgID, grantID, reason, audit.Event{Action: "grant.revoked", Actor: actor,
		Target: audit.Target{Kind: "grant", ID: grantID.String()}, Details: map[string]any{"reason": reason}})
}

func (g *Grants) revoke(ctx context.Context, orgID, grantID uuid.UUID, reason string, event audit.Event) error {
	now := g.now()
	return g.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		revoked, err := dbq.New(tx).RevokeGrant(ctx, dbq.RevokeGrantParams{OrgID: orgID, ID: grantID, At: &now, Reason: &reason})
		if err != nil || revoked == 0 {
			return err
		}
		return g.log.Record(ctx, tx, orgID, event)
	})
}

// RevokeToken makes one access token worthless until it would have expired anyway, and records it.
func (g *Grants) RevokeToken(ctx context.Context, orgID uuid.UUID, tokenID string, expires time.Time, actor audit.Actor) error {
	return g.db.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := dbq.New(tx).RevokeToken(ctx, dbq.RevokeTokenParams{OrgID: orgID, TokenID: tokenID, ExpiresAt: expires}); err != nil {
			return err
		}
		return g.log.Record(ctx, tx, orgID, audit.Event{Action: "access_token.revoked", Actor: actor, Target: audit.Target{Kind: "access_token", ID: tokenID}})
	})
}

// TokenState is what is known of the grant behind an access token.
type TokenState struct {
	Alive     bool // neither the grant nor the token is revoked, the person may sign in, nobody ended the session
	User      *user.User
	ClientID  uuid.UUID
	SessionID uuid.UUID
	Claims    json.RawMessage // the claims parameter of the grant
}

// State looks up the grant behind an access token in one round trip. A grant of another organization
// does not exist; then, as for every dead token, Alive is false.
func (g *Grants) State(ctx context.Context, orgID, grantID uuid.UUID, tokenID string) (TokenState, error) {
	rules, err := g.models.Rules(ctx, orgID)
	if err != nil {
		return TokenState{}, err
	}
	row, err := dbq.New(g.db).TokenState(ctx, dbq.TokenStateParams{OrgID: orgID, GrantID: grantID, TokenID: tokenID, RefusedModels: rules.Refused(), AcceptedModels: rules.Accepted()})
	if store.IsNotFound(err) {
		return TokenState{}, nil
	}
	if err != nil {
		return TokenState{}, err
	}
	person, err := user.FromRow(row.User, nil)
	return TokenState{Alive: row.Alive, User: person, ClientID: row.ClientID, SessionID: id(row.SessionID), Claims: row.Claims}, err
}

// TokenRevoked reports whether a client's own access token (without a grant) was revoked.
func (g *Grants) TokenRevoked(ctx context.Context, orgID uuid.UUID, tokenID string) (bool, error) {
	return dbq.New(g.db).TokenIsRevoked(ctx, dbq.TokenIsRevokedParams{OrgID: orgID, TokenID: tokenID})
}

// RefreshState is what is known of a refresh token.
type RefreshState struct {
	Alive     bool
	GrantID   uuid.UUID
	ClientID  uuid.UUID
	UserID    uuid.UUID
	Username  string
	Scopes    []string
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// RefreshTokenState looks up a refresh token in one round trip without using it; the zero value when
// there is none.
func (g *Grants) RefreshTokenState(ctx context.Context, orgID uuid.UUID, token string) (RefreshState, error) {
	if len(token) != secret.Length {
		return RefreshState{}, nil
	}
	rules, err := g.models.Rules(ctx, orgID)
	if err != nil {
		return RefreshState{}, err
	}
	row, err := dbq.New(g.db).RefreshTokenState(ctx, dbq.RefreshTokenStateParams{OrgID: orgID, TokenHash: secret.Hash(token), At: g.now(), RefusedModels: rules.Refused(), AcceptedModels: rules.Accepted()})
	if store.IsNotFound(err) {
		return RefreshState{}, nil
	}
	return RefreshState{Alive: row.Alive, GrantID: row.GrantID, ClientID: row.ClientID, UserID: row.UserID, Username: row.Username, Scopes: row.Scopes,
		IssuedAt: row.CreatedAt, ExpiresAt: row.ExpiresAt}, err
}

// LastSession is, of several sessions of one browser, the one in which the client was granted something last; uuid.Nil
// when it was granted nothing in any of them, or so long ago that it is not known any more.
func (g *Grants) LastSession(ctx context.Context, orgID, clientID uuid.UUID, sessions []uuid.UUID) (uuid.UUID, error) {
	found, err := dbq.New(g.db).SessionLastGrantedTo(ctx, dbq.SessionLastGrantedToParams{OrgID: orgID, SessionIds: sessions, ClientID: clientID})
	if store.IsNotFound(err) || err == nil && found == nil {
		return uuid.Nil, nil
	}
	if err != nil {
		return uuid.Nil, err
	}
	return *found, nil
}

// DeleteExpired removes what cannot be used any more, at most limit rows of each kind. Called by a periodic job.
func (g *Grants) DeleteExpired(ctx context.Context, limit int32) (deleted int64, err error) {
	queries, now := dbq.New(g.db), g.now()
	before := now.Add(-retention)
	tokens, err := queries.DeleteExpiredRefreshTokens(ctx, dbq.DeleteExpiredRefreshTokensParams{Before: before, RowLimit: limit})
	if err != nil {
		return 0, err
	}
	grants, err := queries.DeleteExpiredGrants(ctx, dbq.DeleteExpiredGrantsParams{Before: before, RowLimit: limit})
	if err != nil {
		return tokens, err
	}
	marks, err := queries.DeleteExpiredRevokedTokens(ctx, dbq.DeleteExpiredRevokedTokensParams{Before: now, RowLimit: limit})
	if err != nil {
		return max(tokens, grants), err
	}
	devices, err := queries.DeleteExpiredDeviceRequests(ctx, dbq.DeleteExpiredDeviceRequestsParams{Before: now.Add(-requestsKept), RowLimit: limit})
	if err != nil {
		return max(tokens, grants, marks), err
	}
	requests, err := queries.DeleteExpiredBackchannelRequests(ctx, dbq.DeleteExpiredBackchannelRequestsParams{Before: now.Add(-requestsKept), RowLimit: limit})
	return max(tokens, grants, marks, devices, requests), err
}

func clientActor(clientID uuid.UUID) audit.Actor {
	return audit.Actor{Kind: audit.Client, ID: clientID.String()}
}

func subset(part, whole []string) bool {
	return !slices.ContainsFunc(part, func(s string) bool { return !slices.Contains(whole, s) })
}

func list(values []string) []string {
	if values == nil {
		return []string{}
	}
	return values
}

func optional(value string) *string {
	if value == "" {
		return nil
	}
	return &value
}

func text(value *string) string {
	if value == nil {
		return ""
	}
	return *value
}

func id(value *uuid.UUID) uuid.UUID {
	if value == nil {
		return uuid.Nil
	}
	return *value
}

// String keeps a Redemption's code out of logs.
func (r Redemption) String() string { return fmt.Sprintf("redemption by client %s", r.ClientID) }
