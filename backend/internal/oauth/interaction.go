package oauth

import (
	"github.com/gin-gonic/gin"
	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/reqctx"
)

// InteractionHeader names an interaction of a client with a protected resource, a UUID, in request, answer and the logs of
// both sides (FAPI 1.0 Part 1 §6.2.1, items 11 and 12; §6.2.2, item 4).
const InteractionHeader = "X-Fapi-Interaction-Id"

// AnswerInteraction repeats in the answer how the client names the interaction. What is no UUID is not repeated: it would
// get into logs.
func AnswerInteraction(c *gin.Context) {
	sent := c.GetHeader(InteractionHeader)
	if sent == "" {
		return
	}
	if named, err := uuid.Parse(sent); err == nil {
		c.Header(InteractionHeader, named.String())
	}
}

// NameInteraction names the interaction in the answer when the client did not: by the id of the request, in the form of a
// random UUID (RFC 9562 §5.4).
func NameInteraction(c *gin.Context) {
	if c.Writer.Header().Get(InteractionHeader) != "" {
		return
	}
	if named, err := uuid.Parse(reqctx.From(c.Request.Context()).ID); err == nil {
		named[6], named[8] = named[6]&0x0f|0x40, named[8]&0x3f|0x80
		c.Header(InteractionHeader, named.String())
	}
}
