// Package oauth holds what every OAuth endpoint shares: how parameters are read, how errors are
// written, how clients authenticate, what scopes and issuers look like, and the access tokens.
//
// Specifications: OAuth 2.1 (draft-ietf-oauth-v2-1-13) with RFC 6749 where clients still speak it,
// RFC 6750 (Bearer tokens), RFC 9068 (JWT profile of access tokens, 2021), RFC 9700 (security best
// current practice, 2025). The endpoints themselves are sub-packages; each runs one ordered Table of
// checks, to which profiles add rows. The implicit and hybrid flows belong to a profile (Profile); left out
// are the password grant and tokens in the query.
package oauth
