package oauth

import (
	"net/http"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/reqctx"
)

// InteractionHeader names an interaction of a client with a protected resource, a UUID, in request, answer and the logs of
// both sides (FAPI 1.0 Part 1 §6.2.1, items 11 and 12; §6.2.2, item 4).
const InteractionHeader = "X-Fapi-Interaction-Id"

// AnswerInteraction repeats in the answer how the client names the interaction. What is no UUID is not repeated: it would
// get into logs.
func AnswerInteraction(answer http.Header, r *http.Request) {
	sent := r.Header.Get(InteractionHeader)
	if sent == "" {
		return
	}
	if named, err := uuid.Parse(sent); err == nil {
		answer.Set(InteractionHeader, named.String())
	}
}

// NameInteraction names the interaction in the answer when the client did not: by the id of the request, in the form of a
// random UUID (RFC 9562 §5.4).
func NameInteraction(answer http.Header, r *http.Request) {
	if answer.Get(InteractionHeader) != "" {
		return
	}
	if named, err := uuid.Parse(reqctx.From(r.Context()).ID); err == nil {
		named[6], named[8] = named[6]&0x0f|0x40, named[8]&0x3f|0x80
		answer.Set(InteractionHeader, named.String())
	}
}
