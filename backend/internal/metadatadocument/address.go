package metadatadocument

import (
	"net/url"
	"strings"
)

const maximumAddress = 200 // bytes; a client_id has no more

// addressProblem says why a client_id is not the address of a document, "" when it is one (§3). Its form is judged as it
// is written, because it is compared character by character: what another reader would take for the same address is
// refused, such as dots in its path, encoded or not, and an upper-case host.
func addressProblem(clientID string) string {
	parsed, err := url.Parse(clientID)
	switch {
	case len(clientID) > maximumAddress:
		return "It is too long."
	case err != nil || parsed.Scheme != "https" || !strings.HasPrefix(clientID, "https://") || parsed.Opaque != "" || parsed.Hostname() == "":
		return "It is not an https address."
	case parsed.User != nil || strings.Contains(parsed.Host, "@"):
		return "It contains a user name."
	case strings.ContainsAny(clientID, `#\`):
		return "It has a fragment."
	case strings.Contains(clientID, "?"):
		return "It has a query."
	case parsed.Path == "" || parsed.Path == "/":
		return "It has no path."
	case parsed.Host != strings.ToLower(parsed.Host) || strings.HasSuffix(parsed.Host, ":"):
		return "Its host is not written in lower case."
	}
	for segment := range strings.SplitSeq(parsed.Path, "/") { // decoded, so %2e counts
		if segment == "." || segment == ".." {
			return "Its path has a segment of dots."
		}
	}
	return ""
}

// Host is the host of a client_id that is the address of a document, as people read it.
func Host(clientID string) string {
	parsed, err := url.Parse(clientID)
	if err != nil {
		return ""
	}
	return parsed.Host
}
