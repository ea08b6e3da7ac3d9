package config_test

import (
	"strings"
	"testing"

	"github.com/clavex/clavex/backend/internal/config"
)

func TestMailSettings(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		settings map[string]string
		fault    string // "" when there is none
	}{
		"none":                            {map[string]string{}, ""},
		"the least":                       {map[string]string{"mail_host": "smtp.example.com", "mail_from": "no-reply@example.com"}, ""},
		"everything":                      {map[string]string{"mail_host": "10.0.0.1", "mail_port": "465", "mail_tls": "implicit", "mail_username": "u", "mail_password": "p", "mail_from": "Acme <a@b.test>", "mail_reply_to": "Help <h@b.test>"}, ""},
		"a relay on this machine":         {map[string]string{"mail_host": "localhost", "mail_port": "25", "mail_tls": "none", "mail_from": "a@b.test"}, ""},
		"no address":                      {map[string]string{"mail_host": "smtp.example.com"}, "mail_from is missing"},
		"an address that is none":         {map[string]string{"mail_host": "smtp.example.com", "mail_from": "Acme"}, "mail_from: \"Acme\" is not an address"},
		"answers to nowhere":              {map[string]string{"mail_host": "smtp.example.com", "mail_from": "a@b.test", "mail_reply_to": "@"}, "mail_reply_to"},
		"a port in the host":              {map[string]string{"mail_host": "smtp.example.com/x", "mail_from": "a@b.test"}, "mail_host"},
		"no port":                         {map[string]string{"mail_host": "smtp.example.com", "mail_port": "70000", "mail_from": "a@b.test"}, "mail_port"},
		"another mode":                    {map[string]string{"mail_host": "smtp.example.com", "mail_tls": "maybe", "mail_from": "a@b.test"}, "mail_tls: choose"},
		"a user name alone":               {map[string]string{"mail_host": "smtp.example.com", "mail_username": "u", "mail_from": "a@b.test"}, "go together"},
		"a password in the clear":         {map[string]string{"mail_host": "smtp.example.com", "mail_tls": "none", "mail_username": "u", "mail_password": "p", "mail_from": "a@b.test"}, "in the clear"},
		"settings of no server":           {map[string]string{"mail_from": "a@b.test"}, "mail_from is of no use"},
		"a password of no server (typed)": {map[string]string{"mail_password": "p"}, "mail_password is of no use"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := map[string]string{"database_url": "postgres://x", "public_url": "https://id.example.com", "key_encryption_key": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}
			for key, value := range c.settings {
				settings[key] = value
			}
			cfg, err := config.Read(config.Source{Presets: settings})
			if err != nil {
				t.Fatal(err)
			}
			err = cfg.Validate(false)
			if (err == nil) != (c.fault == "") || err != nil && !strings.Contains(err.Error(), c.fault) {
				t.Errorf("got %v, want %q", err, c.fault)
			}
			if err == nil && cfg.SendsMail() != (c.settings["mail_host"] != "") {
				t.Error("it does not know whether mail is sent")
			}
		})
	}
}
