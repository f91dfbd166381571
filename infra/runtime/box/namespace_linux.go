package box

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// cell is a thread with a mount namespace of its own: what it starts sees /var/task and /opt. The thread ends with the cell;
// the mounts end with the last process in them.
type cell struct{ start chan func() }

// enter makes the root's folders real: /var/task and /opt, read only, in a mount namespace that nothing else sees.
func (r *Root) enter(layers []string, dir string) error {
	skeleton := filepath.Join(dir, "var")
	empty := filepath.Join(dir, "empty")
	if err := errors.Join(os.MkdirAll(filepath.Join(skeleton, "task"), 0o755), os.MkdirAll(empty, 0o755)); err != nil {
		return err
	}
	c := &cell{start: make(chan func())}
	made := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread must not serve anything else
		err := r.mount(layers, skeleton, empty)
		made <- err
		if err != nil {
			return
		}
		for f := range c.start {
			f()
		}
	}()
	if err := <-made; err != nil {
		return err
	}
	r.cell, r.Task, r.Opt = c, "/var/task", "/opt"
	return nil
}

func (r *Root) mount(layers []string, skeleton, empty string) error {
	if err := syscall.Unshare(syscall.CLONE_NEWNS); err != nil {
		return err
	}
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return err
	}
	opt := append([]string{empty}, layers...)
	for i, j := 0, len(opt)-1; i < j; i, j = i+1, j-1 { // the first of an overlay is its top
		opt[i], opt[j] = opt[j], opt[i]
	}
	if len(opt) == 1 { // an overlay has two at least
		opt = append(opt, filepath.Join(skeleton, "task"))
	}
	// The code is reached through a descriptor: a layer over /var or /opt may hide its path.
	code, err := syscall.Open(r.code, oPath|syscall.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer syscall.Close(code)
	if err := overlay("/opt", opt); err != nil {
		return err
	}
	if _, err := os.Stat("/var/task"); err != nil {
		if err := overlay("/var", []string{skeleton, "/var"}); err != nil {
			return err
		}
	}
	from := "/proc/self/fd/" + strconv.Itoa(code)
	if err := syscall.Mount(from, "/var/task", "", syscall.MS_BIND, ""); err != nil {
		return err
	}
	return syscall.Mount("", "/var/task", "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY, "")
}

const oPath = 0x200000 // O_PATH, which package syscall leaves out

// overlay lays folders over a place, the first on top, read only.
func overlay(place string, folders []string) error {
	escape := strings.NewReplacer(`\`, `\\`, `:`, `\:`, `,`, `\,`)
	var lower []string
	for _, f := range folders {
		lower = append(lower, escape.Replace(f))
	}
	return syscall.Mount("overlay", place, "overlay", syscall.MS_RDONLY, "lowerdir="+strings.Join(lower, ":"))
}

func (c *cell) do(f func() error) error {
	done := make(chan error, 1)
	c.start <- func() { done <- f() }
	return <-done
}

func (c *cell) close() { close(c.start) }
