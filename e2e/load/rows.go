package main

import (
	"context"
	"errors"

	"github.com/clavex/clavex/e2e/load/measure"
)

// The rows whose ceiling is a bare handler.

func document(name, path string) func(*bench, context.Context) ([]measure.Row, error) {
	return paired{
		name: name, target: 0.7,
		notes: []string{"Ceiling: a bare net/http handler that writes the same header and body, behind the timeouts that every server needs."},
		prepare: func(_ *world, _ int, v *visitor) (journey, error) {
			return func() error { return v.fetch(mainOrganization, path) }, nil
		},
	}.measure
}

func clientCredentialsRow(b *bench, ctx context.Context) ([]measure.Row, error) {
	return paired{
		name: "client_credentials", target: 0.5,
		notes: []string{"The client authenticates with client_secret_basic and gets an ES256 JWT (RFC 9068). Ceiling: a bare handler that writes the same bytes after one ES256 signature over the same payload."},
		prepare: func(_ *world, _ int, v *visitor) (journey, error) {
			return func() error {
				_, err := v.clientCredentials(mainOrganization, serviceClient, "")
				return err
			}, nil
		},
		work: func(steps []bareStep) error { return signTokens(&steps[0], 1) },
	}.measure(b, ctx)
}

// signTokens makes a step sign what the tokens in its body were signed over.
func signTokens(step *bareStep, atLeast int) error {
	step.Sign = signedContents(step.Body)
	if len(step.Sign) < atLeast {
		return errors.New("the recorded answer has fewer signed tokens than expected")
	}
	return nil
}

func authorizeRow(b *bench, ctx context.Context) ([]measure.Row, error) {
	return paired{
		name: "authorize → code → token → userinfo", unit: "a journey", target: 0.35,
		notes: []string{"One journey is three requests of a person with a live session: authorization code with PKCE, tokens (access, ID and refresh token), userinfo. " +
			"Ceiling: three bare requests, one committed row (an INSERT by the same driver into the same PostgreSQL) and the two signatures; the check of the access token at userinfo and the second commit (the code's redemption) are not in it."},
		prepare: func(_ *world, number int, v *visitor) (journey, error) {
			if _, err := v.signIn(mainOrganization, usernameOf(1+number)); err != nil {
				return nil, err
			}
			return func() error {
				code, err := v.authorize(mainOrganization)
				if err != nil {
					return err
				}
				got, err := v.redeem(mainOrganization, code)
				if err != nil {
					return err
				}
				return v.userinfo(mainOrganization, got.access)
			}, nil
		},
		work: func(steps []bareStep) error {
			steps[0].Commit = true
			return signTokens(&steps[1], 2)
		},
	}.measure(b, ctx)
}

func refreshRow(b *bench, ctx context.Context) ([]measure.Row, error) {
	return paired{
		name: "refresh with rotation", target: 0.4,
		notes: []string{"Every answer has a new access, ID and refresh token. Ceiling: a bare request, one committed row and the signatures."},
		prepare: func(_ *world, number int, v *visitor) (journey, error) {
			held, err := v.firstTokens(mainOrganization, usernameOf(1+number))
			if err != nil {
				return nil, err
			}
			return func() error {
				next, err := v.refresh(mainOrganization, held.refresh)
				if err == nil && next.refresh == "" {
					err = errors.New("there was no new refresh token")
				}
				if err == nil && !v.ceiling {
					held = next
				}
				return err
			}, nil
		},
		work: func(steps []bareStep) error {
			steps[0].Commit = true
			return signTokens(&steps[0], 1)
		},
	}.measure(b, ctx)
}

func introspectionRow(b *bench, ctx context.Context) ([]measure.Row, error) {
	return paired{
		name: "introspection", target: 0.4,
		notes: []string{"Of a person's JWT access token, by the client it was issued to. Ceiling: a bare request and one ES256 check; that the server also asks the database whether grant, session, person and token are still good is not in it."},
		prepare: func(_ *world, number int, v *visitor) (journey, error) {
			held, err := v.firstTokens(mainOrganization, usernameOf(1+number))
			if err != nil {
				return nil, err
			}
			return func() error { return v.introspect(mainOrganization, webClient, held.access) }, nil
		},
		work: func(steps []bareStep) error {
			// The length of what is hashed before the check is that of a token without its signature.
			steps[0].Check = make([]byte, 600)
			return nil
		},
	}.measure(b, ctx)
}

// firstTokens signs a person in and returns the tokens.
func (v *visitor) firstTokens(organization, username string) (tokens, error) {
	code, err := v.signIn(organization, username)
	if err != nil {
		return tokens{}, err
	}
	return v.redeem(organization, code)
}
