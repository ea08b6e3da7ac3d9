package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// requirePort reports that somebody else answers at http://localhost:port. Browsers try [::1] first, so
// a program that listens only there is in the way, too.
func requirePort(port int) error {
	for network, host := range map[string]string{"tcp4": "127.0.0.1", "tcp6": "::1"} {
		address := net.JoinHostPort(host, strconv.Itoa(port))
		switch err := tryListen(network, address); {
		case errors.Is(err, syscall.EADDRINUSE):
			who := "another program"
			if holder := portHolder(port); holder != "" {
				who = holder
			}
			return fmt.Errorf("the port %d is taken by %s; stop it, or choose another port with --port %d", port, who, nextFree(port))
		case errors.Is(err, os.ErrPermission):
			return fmt.Errorf("the port %d needs more rights than you have; choose one above 1023 with --port", port)
		case err != nil && network == "tcp4":
			return fmt.Errorf("cannot listen on %s: %w", address, err)
		}
	}
	return nil
}

func tryListen(network, address string) error {
	listener, err := net.Listen(network, address)
	if err != nil {
		return err
	}
	return listener.Close()
}

func portIsFree(network, address string) bool { return tryListen(network, address) == nil }

// nextFree suggests a port.
func nextFree(port int) int {
	for candidate := port + 1; candidate < min(port+100, 65536); candidate++ {
		if portIsFree("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(candidate))) {
			return candidate
		}
	}
	return 18080
}

// portHolder names the program that listens on the port, "" when that cannot be found out: others'
// processes are hidden from ordinary users.
func portHolder(port int) string {
	pid := ""
	if socket := listeningSocket(port); socket != "" {
		pid = socketHolder(socket)
	} else if found, err := exec.Command("lsof", "-nP", "-t", "-sTCP:LISTEN", "-iTCP:"+strconv.Itoa(port)).Output(); err == nil { // macOS has no /proc
		pid, _, _ = strings.Cut(string(found), "\n")
	}
	if pid == "" {
		return ""
	}
	return fmt.Sprintf("%s (process %s)", processName(pid), pid)
}

// listeningSocket finds the socket's inode in /proc/net (proc(5)): column 1 is the local address with the
// port in hexadecimal, column 3 the state, 0A is LISTEN, column 9 the inode.
func listeningSocket(port int) string {
	suffix := fmt.Sprintf(":%04X", port)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		content, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
			columns := strings.Fields(lines.Text())
			if len(columns) > 9 && strings.HasSuffix(columns[1], suffix) && columns[3] == "0A" && columns[9] != "0" {
				return columns[9]
			}
		}
	}
	return ""
}

func socketHolder(socket string) string {
	descriptors, _ := filepath.Glob("/proc/[0-9]*/fd/*") // the pattern is right
	for _, descriptor := range descriptors {
		if target, err := os.Readlink(descriptor); err == nil && target == "socket:["+socket+"]" {
			return strings.Split(descriptor, "/")[2]
		}
	}
	return ""
}

func processName(pid string) string {
	if content, err := os.ReadFile("/proc/" + pid + "/comm"); err == nil {
		return strings.TrimSpace(string(content))
	}
	if content, err := exec.Command("ps", "-o", "comm=", "-p", pid).Output(); err == nil {
		return filepath.Base(strings.TrimSpace(string(content)))
	}
	return "a program"
}
