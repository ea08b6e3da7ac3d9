package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/role"
	"github.com/clavex/clavex/backend/internal/server"
	"github.com/clavex/clavex/backend/internal/store"
)

// organizationChange is what the flags of org update say. Only flags that were given change anything.
type organizationChange struct {
	wanted org.Organization

	registration, profile, signUp, signInNotices, accountDeletion, recovery, documents string
	passkeys, emailChange, magicLinks, identifierFirst                                 string
	secondFactor, proofOfWork                                                          string
	rememberMe, sessionBinding                                                         string
	rememberedIdle, rememberedAbsolute                                                 time.Duration
	tokenFormat, rotation                                                              string
	grace                                                                              time.Duration
	sessionIdle, sessionAbsolute, accessTokens, refreshTokens                          time.Duration
	scopesFile, claimsFile, issuersFile                                                string
	secondFactorRoles                                                                  map[string]string
	emailCodes                                                                         string
}

func (p *program) updateOrganization() *cobra.Command {
	change := &organizationChange{}
	command := &cobra.Command{
		Use: "update NAME", Args: cobra.ExactArgs(1), Short: "Change an organization's name, colour and policies",
		Long: `Changes what the flags name and nothing else. Lifetimes are written as 90s, 15m, 8h or 720h; 0 is the default again.
A list replaces the list that was; "" empties it. NAME itself cannot be changed.`,
		Example: `  clavex org update acme --display-name "Acme Group"
  clavex org update acme --registration initial_access_token --registration-redirect-host "*.partner.example"
  clavex org update acme --sign-up open --sign-up-email-domain acme.example
  clavex org update acme --session-idle-lifetime 1h --session-absolute-lifetime 12h
  clavex org update acme --claims-file claims.json --scopes-file scopes.json --json`,
	}
	change.flags(command)
	return p.operates(command, func(ctx context.Context, app *server.App, arguments []string) error {
		files, err := p.policyFiles(change)
		if err != nil {
			return err
		}
		found, err := organization(ctx, app, arguments[0])
		if err != nil {
			return err
		}
		var updated *org.Organization
		err = app.Store.InTx(ctx, func(ctx context.Context, tx *store.Tx) error {
			current, err := app.Organizations.ByID(ctx, tx, found.ID)
			if err != nil {
				return err
			}
			changed := *current
			if err := change.apply(command.Flags().Changed, &changed, files); err != nil {
				return err
			}
			if changed.Policies.SignUpPolicy() == org.SignUpOpen && current.Policies.SignUpPolicy() != org.SignUpOpen && !app.Mails.Works(ctx, found.ID) {
				return org.ErrSignUpNeedsMail
			}
			if updated, err = app.Organizations.Update(ctx, tx, operator(), changed); err != nil {
				return err
			}
			if updated.Policies.ProfileName() == current.Policies.ProfileName() {
				return nil
			}
			return followersMeet(ctx, tx, app, updated)
		})
		if err != nil {
			return err
		}
		app.Organizations.Forget(updated)
		result := describeOrganization(app, updated)
		return p.print(result, result.text)
	})
}

func (c *organizationChange) flags(command *cobra.Command) {
	flags, rules := command.Flags(), &c.wanted.Policies.RegistrationRules
	flags.StringVar(&c.wanted.DisplayName, "display-name", "", "what people read")
	flags.StringVar(&c.wanted.Branding.BrandColor, "brand-color", "", "colour of its pages, as #rrggbb; \"\" for that of Clavex")
	flags.StringVar(&c.wanted.Policies.DefaultLocale, "default-locale", "", "language of its pages for people who ask for none of ours, such as it; \"\" for none")
	flags.StringVar(&c.registration, "registration", "", "who may register clients without an administrator: closed, loopback, open or initial_access_token")
	flags.StringVar(&c.documents, "client-id-metadata-documents", "", "whether clients may describe themselves in a document at their client_id: closed or open")
	flags.StringArrayVar(&c.wanted.Policies.ClientIDMetadataDocumentHosts, "client-id-metadata-document-host", nil, "host that such documents may come from, such as client.example.com or *.example.com; may be repeated")
	flags.StringVar(&c.profile, "profile", "", "what clients may do unless they have a profile of their own: "+org.ProfileNames())
	flags.StringVar(&c.signUp, "sign-up", "", "who makes the accounts of people: closed (administrators) or open (also people who prove an e-mail address)")
	flags.StringArrayVar(&c.wanted.Policies.SignUpEmailDomains, "sign-up-email-domain", nil, "domain of the addresses that people may sign up with, such as acme.example; may be repeated")
	flags.StringVar(&c.accountDeletion, "account-deletion", "", "whether people have their accounts deleted themselves: open or closed")
	flags.IntVar(&c.wanted.Policies.AccountDeletionGraceDays, "account-deletion-days", 0, "for how many days an account can be kept that is to be erased: 1 to 90")
	flags.StringVar(&c.proofOfWork, "proof-of-work", "", "of whom forms demand that the browser computes: off (nobody), on_suspicion or always")
	flags.StringVar(&c.signInNotices, "sign-in-notices", "", "whether people get a mail about sign-ins from a browser or a country that is new to their account: on or off")
	flags.StringVar(&c.emailChange, "email-change", "", "who changes the e-mail addresses of people: open (also they themselves, with a code that goes to the other one) or closed (administrators)")
	flags.StringVar(&c.magicLinks, "magic-links", "", "whether people sign in by a link or code that is sent to the address of their account: on or off")
	flags.StringVar(&c.identifierFirst, "identifier-first", "", "whether the sign-in page asks for the identifier first: on or off (one form with both fields)")
	flags.IntVar(&c.wanted.Policies.InvitationLifetimeDays, "invitation-lifetime-days", 0, "how many days the link of an invitation works: 1 to 30")
	flags.StringVar(&c.passkeys, "passkeys", "", "whether people sign in with passkeys: on or off")
	flags.StringVar(&c.secondFactor, "second-factor", "", "whether people prove themselves by a second factor: off, optional (whoever has one) or required (everybody adds one)")
	flags.StringVar(&c.emailCodes, "second-factor-email-codes", "", "whether a code of a mail is a second factor of people who have none: on or off")
	flags.IntVar(&c.wanted.Policies.RememberedDeviceDays, "remembered-device-days", 0, "for how many days a device may be remembered, up to 90; 0 is never")
	flags.StringToStringVar(&c.secondFactorRoles, "second-factor-role", nil, "ROLE=POLICY, what is asked of people who have a role; may be repeated")
	flags.IntVar(&c.wanted.Policies.PasswordMinimumLength, "password-minimum-length", 0, "how many characters a new password has at least: 8 to 64")
	flags.StringVar(&c.recovery, "password-recovery", "", "what people can do who forgot their password: mail (choose another one with a code) or closed (ask an administrator)")
	flags.IntVar(&c.wanted.Policies.SessionsPerPerson, "sessions-per-person", 0, "in how many browsers a person is signed in at the same time: 1 to 100; 0 sets no limit")
	flags.StringVar(&c.rememberMe, "remember-me", "", "whether people may stay signed in by a box of the sign-in forms: off or offered")
	flags.DurationVar(&c.rememberedIdle, "remembered-session-idle-lifetime", 0, "after how long such a session ends that is not used")
	flags.DurationVar(&c.rememberedAbsolute, "remembered-session-absolute-lifetime", 0, "after how long such a session ends in any case")
	flags.StringVar(&c.sessionBinding, "session-binding", "", "to what sessions are bound besides their cookie: browser (its kind and that of the system) or off")
	flags.DurationVar(&c.sessionIdle, "session-idle-lifetime", 0, "after how long a session ends that is not used")
	flags.DurationVar(&c.sessionAbsolute, "session-absolute-lifetime", 0, "after how long a session ends in any case")
	flags.DurationVar(&c.accessTokens, "access-token-lifetime", 0, "how long access tokens live unless the client says otherwise")
	flags.DurationVar(&c.refreshTokens, "refresh-token-lifetime", 0, "how long unused refresh tokens live unless the client says otherwise")
	flags.StringVar(&c.tokenFormat, "access-token-format", "", "form of access tokens: jwt (resource servers read them) or opaque (they ask the introspection endpoint)")
	flags.StringVar(&c.rotation, "refresh-token-rotation", "", "what a use does to a refresh token: rotate (it is replaced) or keep (it stays, where more than the token must be shown)")
	flags.DurationVar(&c.grace, "refresh-token-grace", 0, "for how long a replaced refresh token gets the same successor again; 0: its second use ends the grant")
	flags.StringArrayVar(&rules.RedirectHosts, "registration-redirect-host", nil, "host that clients may name in redirect URIs when they register themselves, such as *.example.com; may be repeated")
	flags.StringArrayVar(&rules.Scopes, "registration-scope", nil, "scope that such clients may have; may be repeated")
	flags.StringArrayVar(&rules.GrantTypes, "registration-grant-type", nil, "grant type that such clients may have; may be repeated")
	flags.StringVar(&c.issuersFile, "software-statement-issuers-file", "", "file with a JSON list of the issuers whose software statements are believed, as in the Admin API; - for standard input")
	flags.StringVar(&c.scopesFile, "scopes-file", "", "file with a JSON list of scopes, as in the Admin API; - for standard input")
	flags.StringVar(&c.claimsFile, "claims-file", "", "file with a JSON list of claims, as in the Admin API; - for standard input")
	command.MarkFlagsOneRequired("display-name", "brand-color", "default-locale", "registration", "profile", "sessions-per-person", "remember-me", "remembered-session-idle-lifetime", "remembered-session-absolute-lifetime", "session-binding", "session-idle-lifetime", "session-absolute-lifetime",
		"access-token-lifetime", "refresh-token-lifetime", "access-token-format", "refresh-token-rotation", "refresh-token-grace", "registration-redirect-host", "registration-scope", "registration-grant-type",
		"sign-up", "sign-up-email-domain", "password-recovery", "password-minimum-length", "email-change", "invitation-lifetime-days", "account-deletion", "account-deletion-days", "proof-of-work", "magic-links", "identifier-first", "sign-in-notices", "passkeys", "second-factor", "second-factor-role", "remembered-device-days", "second-factor-email-codes", "client-id-metadata-documents", "client-id-metadata-document-host", "software-statement-issuers-file", "scopes-file", "claims-file")
}

// policyFiles are the lists that stand in files.
type policyFiles struct {
	scopes  []org.ScopeDefinition
	claims  []org.ClaimDefinition
	issuers []org.SoftwareStatementIssuer
}

func (p *program) policyFiles(c *organizationChange) (files policyFiles, err error) {
	return files, errors.Join(p.jsonFile("--scopes-file", c.scopesFile, &files.scopes), p.jsonFile("--claims-file", c.claimsFile, &files.claims),
		p.jsonFile("--software-statement-issuers-file", c.issuersFile, &files.issuers))
}

// apply writes what was given into the organization.
func (c *organizationChange) apply(given func(flag string) bool, o *org.Organization, files policyFiles) error {
	policies, wanted := &o.Policies, &c.wanted.Policies
	rules, wantedRules := &policies.RegistrationRules, &wanted.RegistrationRules
	policies.Scopes, policies.Claims = pick(given("scopes-file"), files.scopes, policies.Scopes), pick(given("claims-file"), files.claims, policies.Claims)
	rules.SoftwareStatementIssuers = pick(given("software-statement-issuers-file"), files.issuers, rules.SoftwareStatementIssuers)
	o.DisplayName = pick(given("display-name"), c.wanted.DisplayName, o.DisplayName)
	o.Branding.BrandColor = pick(given("brand-color"), c.wanted.Branding.BrandColor, o.Branding.BrandColor)
	policies.DefaultLocale = pick(given("default-locale"), wanted.DefaultLocale, policies.DefaultLocale)
	policies.Registration = pick(given("registration"), org.Registration(c.registration), policies.Registration)
	policies.ClientIDMetadataDocuments = pick(given("client-id-metadata-documents"), org.ClientDocuments(c.documents), policies.ClientIDMetadataDocuments)
	policies.ClientIDMetadataDocumentHosts = pick(given("client-id-metadata-document-host"), withoutEmpty(wanted.ClientIDMetadataDocumentHosts), policies.ClientIDMetadataDocumentHosts)
	policies.Profile = pick(given("profile"), org.Profile(c.profile), policies.Profile)
	policies.SignUp = pick(given("sign-up"), org.SignUp(c.signUp), policies.SignUp)
	policies.SecondFactor = pick(given("second-factor"), org.SecondFactor(c.secondFactor), policies.SecondFactor)
	roles, err := factorRoles(c.secondFactorRoles)
	if err != nil {
		return err
	}
	policies.SecondFactorEmailCodes = pick(given("second-factor-email-codes"), org.EmailCodes(c.emailCodes), policies.SecondFactorEmailCodes)
	policies.RememberedDeviceDays = pick(given("remembered-device-days"), c.wanted.Policies.RememberedDeviceDays, policies.RememberedDeviceDays)
	policies.SessionsPerPerson = pick(given("sessions-per-person"), wanted.SessionsPerPerson, policies.SessionsPerPerson)
	policies.RememberMe = pick(given("remember-me"), org.RememberMe(c.rememberMe), policies.RememberMe)
	policies.SessionBinding = pick(given("session-binding"), org.SessionBinding(c.sessionBinding), policies.SessionBinding)
	policies.SecondFactorRoles = pick(given("second-factor-role"), roles, policies.SecondFactorRoles)
	policies.PasswordMinimumLength = pick(given("password-minimum-length"), c.wanted.Policies.PasswordMinimumLength, policies.PasswordMinimumLength)
	policies.PasswordRecovery = pick(given("password-recovery"), org.Recovery(c.recovery), policies.PasswordRecovery)
	policies.SignInNotices = pick(given("sign-in-notices"), org.SignInNotices(c.signInNotices), policies.SignInNotices)
	policies.ProofOfWork = pick(given("proof-of-work"), org.ProofOfWork(c.proofOfWork), policies.ProofOfWork)
	policies.AccountDeletion = pick(given("account-deletion"), org.AccountDeletion(c.accountDeletion), policies.AccountDeletion)
	policies.AccountDeletionGraceDays = pick(given("account-deletion-days"), c.wanted.Policies.AccountDeletionGraceDays, policies.AccountDeletionGraceDays)
	policies.EmailChange = pick(given("email-change"), org.EmailChange(c.emailChange), policies.EmailChange)
	policies.MagicLinks = pick(given("magic-links"), org.MagicLinks(c.magicLinks), policies.MagicLinks)
	policies.IdentifierFirst = pick(given("identifier-first"), org.IdentifierFirst(c.identifierFirst), policies.IdentifierFirst)
	policies.InvitationLifetimeDays = pick(given("invitation-lifetime-days"), wanted.InvitationLifetimeDays, policies.InvitationLifetimeDays)
	policies.Passkeys = pick(given("passkeys"), org.Passkeys(c.passkeys), policies.Passkeys)
	policies.SignUpEmailDomains = pick(given("sign-up-email-domain"), withoutEmpty(wanted.SignUpEmailDomains), policies.SignUpEmailDomains)
	rules.RedirectHosts = pick(given("registration-redirect-host"), withoutEmpty(wantedRules.RedirectHosts), rules.RedirectHosts)
	rules.Scopes = pick(given("registration-scope"), withoutEmpty(wantedRules.Scopes), rules.Scopes)
	rules.GrantTypes = pick(given("registration-grant-type"), withoutEmpty(wantedRules.GrantTypes), rules.GrantTypes)
	for _, lifetime := range []struct {
		flag  string
		value time.Duration
		into  *int
	}{
		{"session-idle-lifetime", c.sessionIdle, &policies.SessionIdleSeconds}, {"session-absolute-lifetime", c.sessionAbsolute, &policies.SessionAbsoluteSeconds},
		{"remembered-session-idle-lifetime", c.rememberedIdle, &policies.RememberedSessionIdleSeconds}, {"remembered-session-absolute-lifetime", c.rememberedAbsolute, &policies.RememberedSessionAbsoluteSeconds},
		{"access-token-lifetime", c.accessTokens, &policies.AccessTokenLifetimeSeconds}, {"refresh-token-lifetime", c.refreshTokens, &policies.RefreshTokenLifetimeSeconds},
	} {
		if lifetime.value < 0 || lifetime.value%time.Second != 0 {
			return usagef("--%s: write whole seconds, such as 90s, 15m or 8h", lifetime.flag)
		}
		*lifetime.into = pick(given(lifetime.flag), int(lifetime.value/time.Second), *lifetime.into)
	}
	tokens := &policies.TokenPolicy
	tokens.AccessTokenFormat = pick(given("access-token-format"), org.AccessTokenFormat(c.tokenFormat), tokens.AccessTokenFormat)
	tokens.RefreshTokenRotation = pick(given("refresh-token-rotation"), org.RefreshTokenRotation(c.rotation), tokens.RefreshTokenRotation)
	if given("refresh-token-grace") {
		if c.grace < 0 || c.grace%time.Second != 0 {
			return usagef("--refresh-token-grace: write whole seconds, such as 0s, 30s or 2m")
		}
		tokens.RefreshTokenGraceSeconds = new(int(c.grace / time.Second))
	}
	return nil
}

func pick[T any](given bool, wanted, current T) T {
	if given {
		return wanted
	}
	return current
}

// withoutEmpty drops the "" by which a list is emptied.
func withoutEmpty(values []string) []string {
	var kept []string
	for _, value := range values {
		if value != "" {
			kept = append(kept, value)
		}
	}
	return kept
}

// followersMeet refuses a profile that clients which follow the organization's cannot meet, as the Admin API does.
func followersMeet(ctx context.Context, tx *store.Tx, app *server.App, o *org.Organization) error {
	const shown = 20
	unmet, more, err := oauth.CannotMeet(ctx, tx, app.Clients, o, shown)
	if err != nil || len(unmet) == 0 {
		return err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "These clients cannot meet the profile %s. Change them, or give them a profile of their own:", o.Policies.ProfileName())
	for _, each := range unmet {
		fmt.Fprintf(&text, "\n  %s (%s): %s", each.Client.Name, each.Client.ClientID, each.Reason)
	}
	if more {
		text.WriteString("\n  and more")
	}
	return fault.New(fault.Conflict, oauth.CodeProfileNotMet, text.String())
}

// jsonFile reads a file into a value of the given form, which may have no other members. Nothing is read when no file
// is named.
func (p *program) jsonFile(flag, name string, into any) error {
	if name == "" {
		return nil
	}
	content, err := p.file(name)
	if err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return usagef("%s: %s is not such a list: %v", flag, name, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return usagef("%s: something follows the list in %s", flag, name)
	}
	return nil
}

// factorRoles are the policies of second factors by role. "" as a policy takes the role out.
func factorRoles(typed map[string]string) (map[string]org.SecondFactor, error) {
	roles := map[string]org.SecondFactor{}
	for name, policy := range typed {
		if !slices.Contains(role.BuiltIn(), role.Role(name)) {
			return nil, usagef("--second-factor-role: there is no role %q", name)
		}
		if policy != "" {
			roles[name] = org.SecondFactor(policy)
		}
	}
	return roles, nil
}
