package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/crypto/argon2"
)

// The bench writes its organizations, people and clients straight into the tables: ten thousand
// organizations and a million people must not take longer than what is measured on them. They look as the
// server makes them; everything that is measured goes through the server.

// organizationRow is an organization to write.
type organizationRow struct {
	id   [16]byte
	slug string
}

func clientColumns() []string {
	return []string{"org_id", "id", "client_id", "client_name", "token_endpoint_auth_method", "secret_hash", "redirect_uris", "grant_types",
		"response_types", "origins", "scopes", "id_token_signed_response_alg", "require_consent", "origin"}
}

// clientRow is a confidential client with the one secret of the bench.
func clientRow(organization [16]byte, clientID string, grantTypes, scopes []string) []any {
	digest := sha256.Sum256([]byte(clientSecret))
	redirects, responses, origins := []string{}, []string{}, []string{}
	if grantTypes[0] == "authorization_code" {
		redirects, responses, origins = []string{callbackURL}, []string{"code"}, []string{strings.TrimSuffix(callbackURL, "/callback")}
	}
	return []any{organization, newID(), clientID, clientID, "client_secret_basic", digest[:], redirects, grantTypes, responses, origins, scopes, "ES256", false, "administrator"}
}

func webClientRow(organization [16]byte) []any {
	return clientRow(organization, webClient, []string{"authorization_code", "refresh_token"}, strings.Fields(demandedScopes))
}

func serviceClientRow(organization [16]byte) []any {
	return clientRow(organization, serviceClient, []string{"client_credentials"}, []string{"load:read", "load:write"})
}

// policies keep tokens alive for the whole bench.
const policies = `{"access_token_lifetime_seconds": 86400}`

// seedOrganizations writes organizations with a web client and a service client each.
func seedOrganizations(ctx context.Context, pool *pgxpool.Pool, slugs []string) ([]organizationRow, error) {
	made := make([]organizationRow, len(slugs))
	var organizations, clients [][]any
	for i, slug := range slugs {
		made[i] = organizationRow{newID(), slug}
		organizations = append(organizations, []any{made[i].id, slug, slug, policies})
		clients = append(clients, webClientRow(made[i].id), serviceClientRow(made[i].id))
	}
	if _, err := pool.CopyFrom(ctx, pgx.Identifier{"organizations"}, []string{"id", "slug", "display_name", "policies"}, pgx.CopyFromRows(organizations)); err != nil {
		return nil, err
	}
	_, err := pool.CopyFrom(ctx, pgx.Identifier{"clients"}, clientColumns(), pgx.CopyFromRows(clients))
	return made, err
}

// usernameOf is the name of a person of the bench.
func usernameOf(number int) string { return fmt.Sprintf("person-%07d@people.bench.test", number) }

// seedPeople writes people with the numbers first to last, all with the bench's password, into each of the
// organizations.
func seedPeople(ctx context.Context, pool *pgxpool.Pool, organizations []organizationRow, first, last int, encoded string) error {
	const batch = 20_000
	people, credentials := make([][]any, 0, batch), make([][]any, 0, batch)
	write := func() error {
		if _, err := pool.CopyFrom(ctx, pgx.Identifier{"users"}, []string{"org_id", "id", "username", "email", "email_verified", "profile"}, pgx.CopyFromRows(people)); err != nil {
			return err
		}
		_, err := pool.CopyFrom(ctx, pgx.Identifier{"credentials"}, []string{"org_id", "id", "user_id", "kind", "secret"}, pgx.CopyFromRows(credentials))
		people, credentials = people[:0], credentials[:0]
		return err
	}
	for _, organization := range organizations {
		for number := first; number <= last; number++ {
			id, name := newID(), usernameOf(number)
			profile := fmt.Sprintf(`{"name": "Person %d", "given_name": "Person", "family_name": "Number %d", "locale": "en-GB"}`, number, number)
			people = append(people, []any{organization.id, id, name, name, true, profile})
			credentials = append(credentials, []any{organization.id, newID(), id, "password", encoded})
			if len(people) == batch {
				if err := write(); err != nil {
					return err
				}
			}
		}
	}
	return write()
}

// copyKeys gives every organization without signing keys those of one that has them: ten thousand
// pre-generated RSA keys would take an hour to make, and each copy costs the server as much as a key of
// its own.
func copyKeys(ctx context.Context, pool *pgxpool.Pool, from [16]byte) error {
	tag, err := pool.Exec(ctx, `INSERT INTO signing_keys (org_id, id, key_id, algorithm, state, public_key, private_key, sealed_by, activated_at)
		SELECT o.id, gen_random_uuid(), k.key_id, k.algorithm, k.state, k.public_key, k.private_key, k.sealed_by, k.activated_at
		FROM signing_keys k, organizations o WHERE k.org_id = $1 AND NOT EXISTS (SELECT 1 FROM signing_keys own WHERE own.org_id = o.id)`, from)
	if err == nil && tag.RowsAffected() == 0 {
		err = errors.New("there were no signing keys to copy")
	}
	return err
}

// seedAdministrators writes clients of the system organization that may use the Admin API.
func seedAdministrators(ctx context.Context, pool *pgxpool.Pool, clientIDs []string) error {
	var system [16]byte
	if err := pool.QueryRow(ctx, "SELECT id FROM organizations WHERE slug = 'system'").Scan(&system); err != nil {
		return err
	}
	rows := make([][]any, len(clientIDs))
	for i, clientID := range clientIDs {
		rows[i] = clientRow(system, clientID, []string{"client_credentials"}, []string{"admin:read", "admin:write"})
	}
	_, err := pool.CopyFrom(ctx, pgx.Identifier{"clients"}, clientColumns(), pgx.CopyFromRows(rows))
	return err
}

// insertOrganization writes the rows that the server writes for a new organization: itself, the console's
// client, and the audit events of both.
func insertOrganization(ctx context.Context, tx pgx.Tx, wanted organizationRow) error {
	if _, err := tx.Exec(ctx, "INSERT INTO organizations (id, slug, display_name) VALUES ($1, $2, $2)", wanted.id, wanted.slug); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `INSERT INTO clients (org_id, id, client_id, client_name, token_endpoint_auth_method, redirect_uris, post_logout_redirect_uris,
		grant_types, response_types, origins, scopes, id_token_signed_response_alg, require_consent, origin)
		VALUES ($1, $2, 'clavex-console', 'Clavex console', 'none', '{https://id.bench.test/console/callback}', '{https://id.bench.test/console/}',
		'{authorization_code,refresh_token}', '{code}', '{https://id.bench.test}', '{openid,profile,email,admin:read,admin:write}', 'ES256', false, 'built_in')`,
		wanted.id, newID()); err != nil {
		return err
	}
	for _, action := range []string{"client.created", "organization.created"} {
		if _, err := tx.Exec(ctx, `INSERT INTO audit_events (org_id, id, occurred_at, action, actor_kind, actor_name, target_kind, target_id, outcome, after)
			VALUES ($1, $2, $3, $4, 'system', 'load', 'organization', $5, 'success', $6)`,
			wanted.id, newID(), time.Now(), action, hexOf(wanted.id), `{"slug": "`+wanted.slug+`", "display_name": "`+wanted.slug+`", "status": "active"}`); err != nil {
			return err
		}
	}
	return nil
}

// phc is an Argon2id hash of the bench's password as it is stored.
func phc(parameters hashing) string {
	salt := make([]byte, 16)
	_, _ = rand.Read(salt) // never fails
	tag := argon2.IDKey([]byte(password), salt, parameters.Passes, parameters.Memory, parameters.Lanes, 32)
	encode := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, parameters.Memory, parameters.Passes, parameters.Lanes, encode(salt), encode(tag))
}

// readPHC reads the parameters of a stored hash.
func readPHC(stored string) (hashing, error) {
	var version int
	var parameters hashing
	fields := strings.Split(stored, "$")
	if len(fields) != 6 {
		return parameters, errors.New("a stored password is no Argon2id hash")
	}
	_, err := fmt.Sscanf(fields[1]+" "+fields[2]+" "+fields[3], "argon2id v=%d m=%d,t=%d,p=%d", &version, &parameters.Memory, &parameters.Passes, &parameters.Lanes)
	return parameters, err
}
