package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"

	"github.com/clavex/clavex/backend/internal/fault"
)

// The faults of this package. Invalid ones are for the owner of the address to mend, Unavailable ones may pass by
// themselves. errors.Is works on what is returned, whose message names the host.
var (
	ErrURL         = fault.New(fault.Invalid, "fetch_url_invalid", "The address is not a complete web address.")
	ErrScheme      = fault.New(fault.Invalid, "fetch_https_required", "The address must begin with https://.")
	ErrAddress     = fault.New(fault.Invalid, "fetch_address_refused", "The address does not lead to a public host.")
	ErrRedirect    = fault.New(fault.Invalid, "fetch_redirect_refused", "The address answers with a redirect, which is not followed.")
	ErrStatus      = fault.New(fault.Invalid, "fetch_status", "The address does not answer with status 200.")
	ErrEncoding    = fault.New(fault.Invalid, "fetch_content_encoding", "The answer is compressed although that was not asked for.")
	ErrContentType = fault.New(fault.Invalid, "fetch_content_type", "The answer has the wrong Content-Type.")
	ErrTooLarge    = fault.New(fault.Invalid, "fetch_too_large", "The answer is too large.")
	ErrCertificate = fault.New(fault.Invalid, "fetch_certificate", "The certificate of the host is not acceptable.")
	ErrUnreachable = fault.New(fault.Unavailable, "fetch_unreachable", "The host could not be reached.")
	ErrTimeout     = fault.New(fault.Unavailable, "fetch_timeout", "The host took too long to answer.")
	ErrBusy        = fault.New(fault.Unavailable, "fetch_busy", "Too many requests to the host are under way. Try again shortly.")
)

// refused is one answer for names that lead to a refused address and names that do not exist.
func refused(host string, cause error) error {
	return ErrAddress.WithMessage("The host %s does not lead to public addresses only. Others are fetched from only where the operator of this server allows it.", host).WithCause(cause)
}

// explain turns what went wrong into a fault. ctx is the one with the limit of the whole request.
func explain(ctx context.Context, host string, err error) error {
	err = withoutAddress(err)
	var known *fault.Error
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(ctx.Err(), context.Canceled):
		return fault.ErrCanceled.WithCause(err)
	case errors.Is(ctx.Err(), context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return ErrTimeout.WithMessage("%s took too long to answer.", host).WithCause(err)
	case errors.As(err, &certificate):
		return ErrCertificate.WithMessage("The certificate of %s %s.", host, objection(certificate.Err)).WithCause(err)
	}
	return ErrUnreachable.WithMessage("%s could not be reached, or broke the connection off.", host).WithCause(err)
}

// withoutAddress keeps of an error what tells the operator why, for logs: not the address, whose path and query may
// be secret, and nothing that the other side wrote.
func withoutAddress(err error) error {
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	var known *fault.Error
	var network *net.OpError
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &known), errors.As(err, &network), errors.As(err, &certificate),
		errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return err
	}
	return fmt.Errorf("the answer is not one of HTTP (%T)", err)
}

// objection says what is wrong with a certificate, without what else stands in it.
func objection(err error) string {
	var invalid x509.CertificateInvalidError
	var name x509.HostnameError
	switch {
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "has expired or is not valid yet"
	case errors.As(err, &name):
		return "is made out to another name"
	}
	return "is not issued by an authority that this server trusts, or its chain is incomplete"
}
