package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// TLSMode says how the connection to the server is protected.
type TLSMode string

// The modes.
const (
	StartTLS    TLSMode = "starttls" // demanded after connecting (RFC 3207)
	ImplicitTLS TLSMode = "implicit" // from the first byte (RFC 8314 §3.3)
	NoTLS       TLSMode = "none"     // for a relay on the same machine
)

// patience is how long the server may take for one mail, or for one answer.
const patience = 30 * time.Second

// Server says which server takes our mail, and as whom it knows us.
type Server struct {
	Host     string
	Port     int
	TLS      TLSMode
	Username string // "" when the server asks for none
	Password string
	From     string         // address, with or without a name
	ReplyTo  string         // address, with or without a name; "" for none
	Roots    *x509.CertPool // authorities that are trusted; nil for the system's
	// Dial connects where others than the operator name the server; nil dials whatever is named.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// SMTP sends mail by a server. It is safe for concurrent use: each mail has a connection of its own.
type SMTP struct{ server Server }

// NewSMTP makes a sender.
func NewSMTP(server Server) *SMTP { return &SMTP{server} }

// Send implements Sender.
func (s *SMTP) Send(ctx context.Context, message Message) error {
	composed, err := s.compose(message)
	if err != nil {
		return &Error{Code: CodeMessageRefused, Permanent: true, cause: err}
	}
	return s.connected(ctx, func(client *gomail.Client) error {
		err := client.Send(composed)
		if composed.IsDelivered() {
			return nil // what went wrong afterwards changes nothing
		}
		return err
	})
}

// Check connects, protects the connection and authenticates, and sends nothing.
func (s *SMTP) Check(ctx context.Context) error {
	return s.connected(ctx, func(*gomail.Client) error { return nil })
}

// connected does something with a client that is connected and authenticated. The connection is closed in any case,
// also at the end of ctx.
func (s *SMTP) connected(ctx context.Context, do func(client *gomail.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client, err := s.client(func(dialing context.Context, network, address string) (net.Conn, error) {
		connection, err := s.dial(dialing, network, address)
		if err == nil {
			context.AfterFunc(ctx, func() { _ = connection.Close() })
		}
		return connection, err
	})
	if err != nil {
		return &Error{Code: CodeConnect, cause: err}
	}
	if err = client.DialWithContext(ctx); err == nil {
		if err = do(client); err == nil {
			_ = client.Close() // says QUIT; the mail was taken before
		}
	}
	if err != nil && ctx.Err() != nil {
		return &Error{Code: CodeTimeout, cause: errors.Join(ctx.Err(), err)}
	}
	return judge(err)
}

func (s *SMTP) dial(ctx context.Context, network, address string) (net.Conn, error) {
	dial := s.server.Dial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	connection, err := dial(ctx, network, address)
	if err != nil || s.server.TLS != ImplicitTLS {
		return connection, err
	}
	protected := tls.Client(connection, s.tls())
	if err := protected.HandshakeContext(ctx); err != nil {
		_ = connection.Close()
		return nil, err
	}
	return protected, nil
}

func (s *SMTP) tls() *tls.Config {
	return &tls.Config{ServerName: s.server.Host, RootCAs: s.server.Roots, MinVersion: tls.VersionTLS12}
}

func (s *SMTP) client(dial gomail.DialContextFunc) (*gomail.Client, error) {
	policy := gomail.NoTLS
	if s.server.TLS == StartTLS {
		policy = gomail.TLSMandatory
	}
	options := []gomail.Option{gomail.WithPort(s.server.Port), gomail.WithTLSPolicy(policy), gomail.WithTLSConfig(s.tls()), gomail.WithTimeout(patience),
		gomail.WithDialContextFunc(dial)}
	if s.server.TLS == ImplicitTLS {
		options = append(options, gomail.WithSSL()) // the dialled connection is protected already
	}
	if s.server.Username != "" {
		options = append(options, gomail.WithSMTPAuthCustom(&login{server: s.server}))
	}
	return gomail.NewClient(s.server.Host, options...)
}

// login proves who we are by PLAIN (RFC 4616), or LOGIN where the server knows nothing better. Both send the password,
// and refuse to do so without TLS.
type login struct {
	server Server
	chosen smtp.Auth
}

// Start implements smtp.Auth.
func (l *login) Start(server *smtp.ServerInfo) (proto string, toServer []byte, err error) {
	l.chosen = smtp.PlainAuth("", l.server.Username, l.server.Password, l.server.Host, false)
	if !slices.Contains(server.Auth, "PLAIN") && slices.Contains(server.Auth, "LOGIN") {
		l.chosen = smtp.LoginAuth(l.server.Username, l.server.Password, l.server.Host, false)
	}
	return l.chosen.Start(server)
}

// Next implements smtp.Auth.
func (l *login) Next(fromServer []byte, more bool) ([]byte, error) {
	return l.chosen.Next(fromServer, more)
}

// compose writes the message with text and HTML side by side (RFC 2046 §5.1.4).
func (s *SMTP) compose(message Message) (*gomail.Msg, error) {
	name, from, err := ParseAddress(s.server.From)
	if err != nil {
		return nil, err
	}
	if message.FromName != "" {
		name = oneLine(message.FromName)
	}
	composed := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	if err := composed.FromFormat(name, from); err != nil {
		return nil, err
	}
	if err := composed.To(message.To); err != nil {
		return nil, err
	}
	if s.server.ReplyTo != "" {
		if err := composed.ReplyTo(s.server.ReplyTo); err != nil {
			return nil, err
		}
	}
	composed.Subject(oneLine(message.Subject))
	composed.SetMessageIDWithValue(message.ID + "@" + domain(from))
	composed.SetDate()
	composed.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 §5: no answer by a machine is wanted
	composed.SetBodyString(gomail.TypeTextPlain, message.Text)
	composed.AddAlternativeString(gomail.TypeTextHTML, message.HTML)
	return composed, nil
}

// oneLine keeps a name or a subject from becoming a further header.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == 0x2028 || r == 0x2029 }), " ")
}

// judge says what went wrong, as far as it can be told.
func judge(err error) error {
	if err == nil {
		return nil
	}
	var sending *gomail.SendError
	if errors.As(err, &sending) {
		return judgeSending(sending)
	}
	var reply *textproto.Error
	var unverified *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var timeout net.Error
	switch {
	case errors.As(err, &unverified), errors.As(err, &record), strings.Contains(err.Error(), "tls: "), strings.Contains(err.Error(), "STARTTLS"):
		return &Error{Code: CodeTLS, cause: err}
	case errors.As(err, &reply) && slices.Contains([]int{530, 534, 535, 538, 454}, reply.Code), strings.Contains(err.Error(), "AUTH"):
		return &Error{Code: CodeAuthentication, Reply: replyCode(reply), cause: err}
	case errors.As(err, &timeout) && timeout.Timeout():
		return &Error{Code: CodeTimeout, cause: err}
	}
	return &Error{Code: CodeConnect, Reply: replyCode(reply), cause: err}
}

// judgeSending takes a refusal for good only where it is about this mail: a server that refuses us may be set right
// before the mail is too old.
func judgeSending(err *gomail.SendError) error {
	judged := &Error{Code: CodeMessageRefused, Reply: err.ErrorCode(), cause: err}
	switch err.Reason {
	case gomail.ErrSMTPMailFrom:
		judged.Code = CodeSenderRefused
	case gomail.ErrSMTPRcptTo:
		judged.Code = CodeRecipientRefused
	case gomail.ErrConnCheck:
		judged.Code = CodeConnect
	}
	permanent := judged.Reply >= 500 && judged.Reply < 600
	judged.Permanent = permanent && (judged.Code == CodeRecipientRefused || judged.Code == CodeMessageRefused)
	if judged.Reply == 0 && judged.Code == CodeMessageRefused {
		judged.Code = CodeConnect // it hung up
	}
	return judged
}

func replyCode(reply *textproto.Error) int {
	if reply == nil {
		return 0
	}
	return reply.Code
}

// String is how an operator reads an error: its code and the server's reply.
func (e *Error) String() string {
	if e.Reply == 0 {
		return e.Code
	}
	return e.Code + " " + strconv.Itoa(e.Reply)
}
