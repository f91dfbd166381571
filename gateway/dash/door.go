package dash

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Door is where a running gateway's admin API is and what opens it, left in its state folder for commands on the same
// machine. Only the gateway's own user can read it.
type Door struct {
	Admin string `json:"admin"` // http://host:port
	Token string `json:"admin_token"`
}

func doorFile(dir string) string { return filepath.Join(dir, "admin.json") }

// Leave writes the door into a folder.
func (d Door) Leave(dir string) error {
	raw, err := json.Marshal(d)
	if err != nil {
		return err
	}
	aside := doorFile(dir) + ".new"
	if err := os.WriteFile(aside, raw, 0o600); err != nil {
		return err
	}
	return os.Rename(aside, doorFile(dir))
}

// FindDoor reads the door that a gateway left in a folder.
func FindDoor(dir string) (Door, error) {
	var d Door
	raw, err := os.ReadFile(doorFile(dir))
	if err != nil {
		return d, fmt.Errorf("no gateway has left its admin address in %s: %w", dir, err)
	}
	if err := json.Unmarshal(raw, &d); err != nil {
		return d, fmt.Errorf("%s is damaged: %w; a start of the gateway writes it anew", doorFile(dir), err)
	}
	return d, nil
}
