package session

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/clavex/clavex/backend/internal/fault"
	"github.com/clavex/clavex/backend/internal/store"
	"github.com/clavex/clavex/backend/internal/store/dbq"
	"github.com/clavex/clavex/backend/internal/store/filter"
)

// TellOfEnd is the kind of the jobs that tell one client of the end of one session; their arguments are a
// DeliveryReference.
const TellOfEnd = "tell_of_session_end"

// DeliveryReference names a delivery in a job.
type DeliveryReference struct {
	OrgID uuid.UUID `json:"org_id"`
	ID    uuid.UUID `json:"id"`
}

// DeliveryState says how far the telling of a client has come.
type DeliveryState string

// The states of a delivery.
const (
	Pending   DeliveryState = "pending"
	Delivered DeliveryState = "delivered"
	Failed    DeliveryState = "failed" // for good
)

// Delivery is the record of telling one client of the end of one session (OpenID Connect Back-Channel Logout 1.0).
// It outlives the session and the person.
type Delivery struct {
	ID            uuid.UUID
	SessionID     uuid.UUID
	ClientID      uuid.UUID // clients.id, not client_id
	UserID        uuid.UUID
	State         DeliveryState
	Attempts      int
	LastStatus    int    // of HTTP; 0 when there was no answer
	LastError     string // in words; "" when nothing went wrong
	CreatedAt     time.Time
	LastAttemptAt time.Time // zero before the first attempt
	NextAttemptAt time.Time // zero when it is over
}

// ErrDeliveryNotFound is returned when the organization has no such delivery.
var ErrDeliveryNotFound = fault.New(fault.NotFound, "logout_delivery_not_found", "There is no such delivery in this organization.")

// tell writes down whom to tell of ended sessions, and enqueues the telling.
func (s *Sessions) tell(ctx context.Context, tx *store.Tx, e ending) error {
	if len(e.sessions) == 0 {
		return nil
	}
	listeners, err := dbq.New(tx).ClientsToTell(ctx, dbq.ClientsToTellParams{OrgID: e.orgID, SessionIds: e.sessions})
	if err != nil {
		return err
	}
	made := dbq.InsertLogoutDeliveriesParams{OrgID: e.orgID, UserID: e.userID, At: e.at}
	var references []any
	for _, listener := range listeners {
		if listener.BackchannelLogoutUri == "" {
			continue
		}
		id := store.NewID()
		made.Ids, made.SessionIds, made.ClientIds = append(made.Ids, id), append(made.SessionIds, listener.SessionID), append(made.ClientIds, listener.ClientID)
		references = append(references, DeliveryReference{OrgID: e.orgID, ID: id})
	}
	if len(references) == 0 {
		return nil
	}
	if err := dbq.New(tx).InsertLogoutDeliveries(ctx, made); err != nil {
		return err
	}
	return s.queue.EnqueueOutgoing(ctx, tx, TellOfEnd, references...)
}

// FrontChannelListener is a client that wants to hear in the person's browser that their session ended.
type FrontChannelListener struct {
	ClientID uuid.UUID // clients.id
	URI      string    // as the client registered it
}

// FrontChannelListeners are the clients to tell in a person's browser when their session ends (OpenID Connect
// Front-Channel Logout 1.0).
func (s *Sessions) FrontChannelListeners(ctx context.Context, orgID, id uuid.UUID) (found []FrontChannelListener, err error) {
	listeners, err := dbq.New(s.db).ClientsToTell(ctx, dbq.ClientsToTellParams{OrgID: orgID, SessionIds: []uuid.UUID{id}})
	for _, listener := range listeners {
		if listener.FrontchannelLogoutUri != "" {
			found = append(found, FrontChannelListener{listener.ClientID, listener.FrontchannelLogoutUri})
		}
	}
	return found, err
}

// Delivery reads one delivery.
func (s *Sessions) Delivery(ctx context.Context, of DeliveryReference) (*Delivery, error) {
	row, err := dbq.New(s.db).LogoutDelivery(ctx, dbq.LogoutDeliveryParams{OrgID: of.OrgID, ID: of.ID})
	if store.IsNotFound(err) {
		return nil, ErrDeliveryNotFound
	}
	if err != nil {
		return nil, err
	}
	return new(deliveryFromRow(row)), nil
}

// DomainOf is at which of the organization's own hosts a session was begun; "" at the shared address, and when nothing is known
// of the session any more.
func (s *Sessions) DomainOf(ctx context.Context, orgID, id uuid.UUID) (string, error) {
	domain, err := dbq.New(s.db).DomainOfSession(ctx, dbq.DomainOfSessionParams{OrgID: orgID, ID: id})
	if store.IsNotFound(err) {
		return "", nil
	}
	return domain, err
}

// Attempt is how one attempt of a delivery went.
type Attempt struct {
	State  DeliveryState
	Status int    // of HTTP; 0 when there was no answer
	Error  string // in words
	Next   time.Time
}

const maximumDeliveryError = 500 // bytes

// RecordAttempt writes down an attempt of a pending delivery; one that is over stays as it is.
func (s *Sessions) RecordAttempt(ctx context.Context, of DeliveryReference, attempt Attempt) error {
	parameters := dbq.RecordLogoutAttemptParams{OrgID: of.OrgID, ID: of.ID, State: string(attempt.State), At: new(s.now())}
	if attempt.Status != 0 {
		parameters.LastStatus = new(int32(attempt.Status))
	}
	if attempt.Error != "" {
		parameters.LastError = new(attempt.Error[:min(len(attempt.Error), maximumDeliveryError)])
	}
	if attempt.State == Pending {
		parameters.NextAttemptAt = &attempt.Next
	}
	_, err := dbq.New(s.db).RecordLogoutAttempt(ctx, parameters)
	return err
}

func deliveryFromRow(row dbq.LogoutDeliveryRow) Delivery {
	delivery := Delivery{ID: row.ID, SessionID: row.SessionID, ClientID: row.ClientID, UserID: row.UserID, State: DeliveryState(row.State),
		Attempts: int(row.Attempts), CreatedAt: row.CreatedAt}
	if row.LastStatus != nil {
		delivery.LastStatus = int(*row.LastStatus)
	}
	if row.LastError != nil {
		delivery.LastError = *row.LastError
	}
	if row.LastAttemptAt != nil {
		delivery.LastAttemptAt = *row.LastAttemptAt
	}
	if row.NextAttemptAt != nil {
		delivery.NextAttemptAt = *row.NextAttemptAt
	}
	return delivery
}

// DeliveryFilter narrows a list of deliveries. Zero fields do not filter.
type DeliveryFilter struct {
	SessionID, ClientID, UserID uuid.UUID
	State                       DeliveryState
	Before                      uuid.UUID // the cursor: only deliveries older than this one
	Limit                       int32     // required, 1…200
}

var deliveries = filter.Table{
	Name: "logout_deliveries",
	Columns: []string{"id", "session_id", "client_id", "user_id", "state", "attempts", "last_status", "last_error", "created_at", "last_attempt_at",
		"next_attempt_at"},
}

type listedDelivery struct {
	dbq.LogoutDeliveryRow
	SortKey string
}

// Deliveries lists deliveries of the organization, newest first.
func (s *Sessions) Deliveries(ctx context.Context, db store.DB, orgID uuid.UUID, wanted DeliveryFilter) ([]Delivery, error) {
	query := filter.Query{OrgID: orgID, Order: filter.Order{Descending: true}, Limit: wanted.Limit}
	for column, id := range map[string]uuid.UUID{"session_id": wanted.SessionID, "client_id": wanted.ClientID, "user_id": wanted.UserID} {
		if id != uuid.Nil {
			query.Equal = append(query.Equal, filter.Equal{Column: column, Value: id})
		}
	}
	if wanted.State != "" {
		query.Equal = append(query.Equal, filter.Equal{Column: "state", Value: string(wanted.State)})
	}
	if wanted.Before != uuid.Nil {
		query.After = &filter.Position{ID: wanted.Before}
	}
	rows, err := filter.Collect[listedDelivery](ctx, db, deliveries, query)
	listed := make([]Delivery, len(rows))
	for i, row := range rows {
		listed[i] = deliveryFromRow(row.LogoutDeliveryRow)
	}
	return listed, err
}

// keptDeliveries is how long the record of a delivery is kept.
const keptDeliveries = 30 * 24 * time.Hour

// DeleteOldDeliveries removes old records, at most limit of them. Called by a periodic job.
func (s *Sessions) DeleteOldDeliveries(ctx context.Context, limit int32) (int64, error) {
	return dbq.New(s.db).DeleteOldLogoutDeliveries(ctx, dbq.DeleteOldLogoutDeliveriesParams{Before: s.now().Add(-keptDeliveries), RowLimit: limit})
}
