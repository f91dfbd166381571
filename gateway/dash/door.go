package dash

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"time"
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

// The ways in which a call fails besides the API's own refusal.
var (
	ErrAddress = errors.New("no address of an admin API, such as http://127.0.0.1:8081")
	ErrSilent  = errors.New("the gateway's admin API does not answer; nothing was changed")
	ErrBroken  = errors.New("the gateway's answer broke off; its status says what holds")
	ErrForeign = errors.New("what answers is no admin API")
)

// Refused is an answer of the API that is no 200.
type Refused struct {
	Status int
	Problem
}

func (r *Refused) Error() string {
	return fmt.Sprintf("the gateway says %d: %s", r.Status, r.Problem.Error)
}

// Call asks the admin API behind the door and reads its answer into out. revision is what the caller has seen of a group, 0 for
// calls that need none. A call waits for 30 s at most.
func (d Door) Call(ctx context.Context, method, path string, revision int64, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, d.Admin+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: %w: %w", d.Admin, ErrAddress, err)
	}
	r.Header.Set("Authorization", "Bearer "+d.Token)
	if revision > 0 {
		r.Header.Set("If-Match", fmt.Sprintf(`"%d"`, revision))
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSilent, err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrBroken, err)
	}
	if res.StatusCode != http.StatusOK && res.StatusCode != http.StatusAccepted {
		return refused(res.StatusCode, raw)
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("%s%s: %w: %w", d.Admin, path, ErrForeign, err)
	}
	return nil
}

func refused(status int, raw []byte) error {
	r := &Refused{Status: status}
	if err := json.Unmarshal(raw, &r.Problem); err != nil || r.Problem.Error == "" {
		r.Problem.Error = http.StatusText(status)
	}
	return r
}
