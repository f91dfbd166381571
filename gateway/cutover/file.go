package cutover

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// kept is a plan on disk; the checksum is over the plan's bytes as they stand there.
type kept struct {
	Checksum string          `json:"sha256"`
	Plan     json.RawMessage `json:"plan"`
}

// lastPlan is what a gateway starts with while the store is away.
type lastPlan struct {
	document
	Rollbacks []*Pending `json:"rollbacks,omitempty"` // that the store does not have yet
}

// writeFile keeps a plan: written aside, synced and renamed, so that a crash leaves the old one or the new one.
func writeFile(file string, last lastPlan) error {
	if file == "" {
		return nil
	}
	plan, err := json.Marshal(last)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(plan)
	raw, err := json.Marshal(kept{hex.EncodeToString(sum[:]), plan})
	if err != nil {
		return err
	}
	aside, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(aside.Name()) // fails once it is renamed
	_, err = aside.Write(raw)
	if err = errors.Join(err, aside.Sync(), aside.Close()); err != nil {
		return err
	}
	return os.Rename(aside.Name(), file)
}

// readFile reads what writeFile kept, or says why it cannot be trusted.
func readFile(file string) (lastPlan, error) {
	if file == "" {
		return lastPlan{}, errors.New("none is kept: the store names no file beside which it would lie")
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		return lastPlan{}, err
	}
	var k kept
	var last lastPlan
	if err := json.Unmarshal(raw, &k); err != nil {
		return lastPlan{}, fmt.Errorf("%s is cut or damaged: %w", file, err)
	}
	sum := sha256.Sum256(k.Plan)
	if hex.EncodeToString(sum[:]) != k.Checksum {
		return lastPlan{}, fmt.Errorf("%s is damaged: its checksum does not hold", file)
	}
	d := json.NewDecoder(bytes.NewReader(k.Plan))
	d.DisallowUnknownFields()
	return last, d.Decode(&last)
}
