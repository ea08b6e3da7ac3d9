package signin

import (
	"context"
	"strings"

	"github.com/clavex/clavex/backend/internal/audit"
	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/oauth"
	"github.com/clavex/clavex/backend/internal/org"
	"github.com/clavex/clavex/backend/internal/proofofwork"
	"github.com/clavex/clavex/backend/internal/reqctx"
	"github.com/clavex/clavex/backend/internal/user"
	"github.com/clavex/clavex/backend/internal/web/page"
)

// Where an organization says so, forms that programs abuse are taken only with an answer to a challenge (package proofofwork):
// always, or after suspicion. Suspected is who gave reasons for it within the hour:
//
//   - a name for which passwords were wrong, or mails asked for, whether or not somebody has it;
//   - a browser in which somebody signed in before, by itself: strangers in the same network cost it nothing;
//   - the network of all others. It is given more, because many people may share it.
//
// The audit log says when suspicion began and why, and how each challenge was met or not.

// How many reasons are nothing out of the ordinary, within an hour.
const (
	reasonsOfName    = 3
	reasonsOfBrowser = 5
	reasonsOfNetwork = 20
)

// suspects are who may be suspected for a form about a name; "" for none.
func (s *SignIn) suspects(ctx context.Context, v *visit, name string) ([]proofofwork.Subject, error) {
	known, err := s.Sessions.HasSignedIn(ctx, v.organization.ID, v.browserHash)
	if err != nil {
		return nil, err
	}
	subjects := []proofofwork.Subject{{Name: "network " + reqctx.Network(reqctx.From(ctx).Address), Most: reasonsOfNetwork}}
	if known {
		subjects[0] = proofofwork.Subject{Name: "browser " + v.browser, Most: reasonsOfBrowser}
	}
	if name = strings.ToLower(user.Normalize(name)); name != "" && !known {
		subjects = append(subjects, proofofwork.Subject{Name: "name " + name, Most: reasonsOfName})
	}
	return subjects, nil
}

// suspicious notes a reason for suspicion, and records when it begins.
func (s *SignIn) suspicious(ctx context.Context, v *visit, form, name string) error {
	if v.organization.Policies.ProofOfWorkPolicy() != org.ProofOfWorkOnSuspicion {
		return nil
	}
	subjects, err := s.suspects(ctx, v, name)
	if err != nil {
		return err
	}
	begun, err := s.Suspicion.Note(ctx, v.organization.ID, subjects...)
	for _, subject := range begun {
		of, _, _ := strings.Cut(subject.Name, " ")
		if err := s.recordWork(ctx, v, "proof_of_work.demanded", audit.Success, map[string]any{"form": form, "of": of, "more_than": subject.Most}); err != nil {
			return err
		}
	}
	return err
}

// worksFor reports whether a form about a name needs an answer to a challenge.
func (s *SignIn) worksFor(ctx context.Context, v *visit, name string) (bool, error) {
	switch v.organization.Policies.ProofOfWorkPolicy() {
	case org.ProofOfWorkAlways:
		return true, nil
	case org.ProofOfWorkOnSuspicion:
		subjects, err := s.suspects(ctx, v, name)
		if err != nil {
			return false, err
		}
		_, suspected, err := s.Suspicion.Any(ctx, v.organization.ID, subjects...)
		return suspected, err
	}
	return false, nil
}

// work is the challenge that a form is shown with; nil when none is needed. Shown again for who waits it has the one that
// it was sent with.
func (s *SignIn) work(ctx context.Context, v *visit, form, name string, problem *fault.Error) (*page.ProofOfWork, error) {
	needed, err := s.worksFor(ctx, v, name)
	if err != nil || !needed && !ofWork(problem) {
		return nil, err
	}
	challenge := ""
	if problem != nil && proofofwork.Reusable(problem) {
		challenge = v.challenge
	}
	if challenge == "" {
		if challenge, err = s.Challenges.Challenge(s.aboutWork(v, form)); err != nil {
			return nil, err
		}
	}
	return &page.ProofOfWork{Challenge: challenge, Parts: proofofwork.Parts, Seconds: int(proofofwork.Wait.Seconds())}, nil
}

// checkWork refuses a form about a name that needs an answer to a challenge, and has none that is right.
func (s *SignIn) checkWork(ctx context.Context, v *visit, form, name string, sent oauth.Parameters) error {
	needed, err := s.worksFor(ctx, v, name)
	if err != nil || !needed {
		return err
	}
	v.challenge = sent.Get(proofofwork.ChallengeField)
	met, err := s.Challenges.Verify(ctx, s.aboutWork(v, form), v.challenge, sent.Get(proofofwork.Field))
	if err == nil {
		return s.recordWork(ctx, v, "proof_of_work.solved", audit.Success, map[string]any{"form": form, "by": met})
	}
	problem := fault.From(err)
	tells, failed := s.Challenges.Tells(ctx, v.organization.ID, problem)
	if failed != nil {
		return failed
	}
	if tells {
		if err := s.recordWork(ctx, v, "proof_of_work.failed", audit.Failure, map[string]any{"form": form, "reason": problem.Code}); err != nil {
			return err
		}
	}
	return err
}

// ofWork reports whether a fault is about the answer to a challenge.
func ofWork(problem *fault.Error) bool { return problem != nil && problem.Field == proofofwork.Field }

func (s *SignIn) aboutWork(v *visit, form string) proofofwork.About {
	return proofofwork.About{OrgID: v.organization.ID, Browser: v.browser, Form: form + " " + v.transaction.ID}
}

func (s *SignIn) recordWork(ctx context.Context, v *visit, action string, outcome audit.Outcome, details map[string]any) error {
	if client := v.transaction.Required.ClientID; client != "" {
		details["client_id"] = client
	}
	return s.Audit.Record(ctx, s.Store, v.organization.ID, audit.Event{Action: action, Actor: audit.Actor{Kind: audit.Anonymous}, Outcome: outcome, Details: details,
		Target: audit.Target{Kind: "sign_in"}})
}
