package command

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"

	"github.com/banyan-migration/banyan/gateway/config"
	"github.com/banyan-migration/banyan/gateway/frozen"
)

// stamp changes when a file does: editors write in place or put another file there.
func stamp(file string) string {
	info, err := os.Stat(file)
	if err != nil {
		return ""
	}
	inode := uint64(0)
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		inode = s.Ino
	}
	return fmt.Sprint(info.ModTime().UnixNano(), info.Size(), inode)
}

// pages changes when a folder of frozen pages is frozen anew.
func pages(c *config.Config) (all string) {
	for _, name := range slices.Sorted(maps.Keys(c.Backends)) {
		if dir := c.Backends[name].Dir; dir != "" {
			all += frozen.Stamp(dir)
		}
	}
	return all
}

// reload puts the file's configuration in force whole, or says what is wrong and keeps the old one. It never changes
// a weight: a group that the plan knows stays where it is.
func (r *running) reload(ctx context.Context) {
	r.stamp, r.kept = stamp(r.file), pages(r.replica.Config())
	var fixed []string
	c, err := readConfig(r.file, config.Options{})
	if err == nil {
		r.kept = pages(c)
		fixed = r.remain(c)
		err = r.replica.Reload(ctx, c)
	}
	var mistakes config.Mistakes
	if errors.As(err, &mistakes) {
		for _, m := range mistakes {
			r.log.Error("mistake", "file", fmt.Sprintf("%s:%d", m.File, m.Line), "text", m.Text)
		}
		err = fmt.Errorf("%d mistakes", len(mistakes))
	}
	if err != nil {
		r.log.Error("the new configuration is not taken; the old one goes on", "file", r.file, "error", err)
		return
	}
	if len(fixed) > 0 {
		r.log.Warn("these are taken at a start alone, and stay as they were: restart for them", "keys", strings.Join(fixed, ", "))
	}
	r.log.Info("the new configuration is in force", "file", r.file, "revision", r.replica.Plan.Now().Revision)
}

// remain puts back into a new configuration what is taken at a start alone, so that nothing reads what is not in force, and lists what of
// it the file has changed.
func (r *running) remain(c *config.Config) (changed []string) {
	old := r.replica.Config()
	differs := func(key string, is bool) {
		if is {
			changed = append(changed, key)
		}
	}
	differs("listen", c.Listen != old.Listen)
	differs("admin.listen", c.Admin.Listen != old.Admin.Listen)
	differs("admin.token", c.Admin.Token != old.Admin.Token)
	differs("admin.oidc", !reflect.DeepEqual(c.Admin.OIDC, old.Admin.OIDC))
	differs("gateway_id", c.GatewayID != old.GatewayID)
	differs("store", c.Store != old.Store)
	differs("keys", !slices.Equal(c.Keys, r.keys))
	differs("log", c.Log != old.Log)
	differs("kill", c.Kill != old.Kill)
	differs("data", c.Data != old.Data)
	differs("notify", !reflect.DeepEqual(c.Notify, old.Notify))
	tokens := c.Admin.Tokens
	c.Listen, c.Admin, c.GatewayID, c.Store, c.Keys = old.Listen, old.Admin, old.GatewayID, old.Store, old.Keys
	c.Log, c.Kill, c.Data, c.Notify = old.Log, old.Kill, old.Data, old.Notify
	c.Admin.Tokens = tokens // which are asked for each time
	return changed
}
