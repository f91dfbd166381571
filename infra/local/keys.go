package local

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/banyan-migration/banyan/shared/host"
)

// KeepKey reads the key that a state folder keeps, or makes it once: cookies, overrides and marks outlive a restart. Its id is
// mark.Sole, so that the file's content is a BANYAN_KEY too.
func KeepKey(dir string) (string, error) {
	return keep(filepath.Join(dir, "gateway.key"), "visitors are then drawn anew")
}

// operatorName is what the audit log calls this machine's operator.
const operatorName = "local operator"

// operatorRoles are all that services know.
var operatorRoles = []string{"view", "support", "finance", "moderator", "client"}

// keepOperator is the key of this machine's operator, and what services know of it.
func keepOperator(dir string) (key string, known map[string]host.Operator, err error) {
	key, err = keep(filepath.Join(dir, "operator.key"), "it is in the line that --json prints")
	sum := sha256.Sum256([]byte(key))
	return key, map[string]host.Operator{hex.EncodeToString(sum[:]): {Name: operatorName, Roles: operatorRoles}}, err
}

// keep reads a key from its file, or makes both; then is what else happens when somebody removes it.
func keep(file, then string) (string, error) {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		kept, err := os.ReadFile(file)
		if key := strings.TrimSpace(string(kept)); err == nil && key != "" {
			return key, nil
		}
		return "", fmt.Errorf("local: the key in %s cannot be read (%v): remove the file and a new one is made; %s", file, err, then)
	}
	if err != nil {
		return "", fmt.Errorf("local: the key that was made cannot be kept: %w; make room, or name one in keys", err)
	}
	made := rand.Text() + rand.Text()
	_, err = fmt.Fprintln(f, made)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", fmt.Errorf("local: the key cannot be kept: %w", err)
	}
	return made, nil
}
