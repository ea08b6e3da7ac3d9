//go:build unix

package localpostgres

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// choosePort returns the wanted port when it is free, or for 0 a free one: on the first attempt the
// one that the folder had last.
func choosePort(wanted int, data folder, attempt int) (int, error) {
	if wanted != 0 {
		_, err := tryPort(wanted)
		return wanted, err
	}
	if last := data.rememberedPort(); last != 0 && attempt == 1 {
		if _, err := tryPort(last); err == nil {
			return last, nil
		}
	}
	return tryPort(0)
}

func tryPort(port int) (int, error) {
	listener, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return 0, &PortError{Port: port}
	}
	if err != nil {
		return 0, fmt.Errorf("PostgreSQL cannot listen on port %d: %w", port, err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// asFlags turns settings into arguments of postgres, in a stable order.
func asFlags(settings map[string]string) []string {
	flags := make([]string, 0, 2*len(settings))
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		flags = append(flags, "-c", name+"="+settings[name])
	}
	return flags
}

// explainExit says why the server ended, from what it wrote to its log.
func (c *Cluster) explainExit(what string) error {
	words := c.folder.lastWords(c.mark)
	if strings.Contains(words, "Address already in use") {
		return &PortError{Port: c.port}
	}
	cause := c.process.Err()
	if cause == nil {
		cause = errors.New("exit status 0")
	}
	return fmt.Errorf("%s: %w\nits whole log: %s", what, explain(cause, words), c.folder.log())
}
