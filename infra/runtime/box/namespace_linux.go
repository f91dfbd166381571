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

// thread is a thread of the system's that starts all of a root's processes. It may have a mount namespace of its own, and what
// it starts then sees /var/task and /opt; the mounts end with the last process in them. When the thread ends, as it does with
// this process however that ends, the kernel kills what it has started.
type thread struct{ start chan func() }

// newThread makes a thread that is prepared before it starts anything.
func newThread(prepare func() error) (*thread, error) {
	t := &thread{start: make(chan func())}
	made := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread must not serve anything else
		err := prepare()
		made <- err
		if err != nil {
			return
		}
		for f := range t.start {
			f()
		}
	}()
	return t, <-made
}

// attributes are how a process is started: in a group of its own, and not to outlive the thread that starts it.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// enter makes the root's folders real: /var/task and /opt, read only, in a mount namespace that nothing else sees.
func (r *Root) enter(layers []string, dir string) error {
	skeleton := filepath.Join(dir, "var")
	empty := filepath.Join(dir, "empty")
	if err := errors.Join(os.MkdirAll(filepath.Join(skeleton, "task"), 0o755), os.MkdirAll(empty, 0o755)); err != nil {
		return err
	}
	t, err := newThread(func() error { return r.mount(layers, skeleton, empty) })
	if err != nil {
		return err
	}
	r.thread, r.real, r.Task, r.Opt = t, true, "/var/task", "/opt"
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

// do runs f on the thread.
func (t *thread) do(f func() error) error {
	done := make(chan error, 1)
	t.start <- func() { done <- f() }
	return <-done
}

// close ends the thread. What it has started is dead.
func (t *thread) close() { close(t.start) }
