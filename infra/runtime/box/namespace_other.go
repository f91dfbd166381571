//go:build !linux

package box

import (
	"errors"
	"syscall"
)

// thread is what only Linux needs.
type thread struct{}

func newThread(prepare func() error) (*thread, error) { return &thread{}, prepare() }

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

func (r *Root) enter([]string, string) error { return errors.ErrUnsupported }

func (t *thread) do(f func() error) error { return f() }

func (t *thread) close() {}
