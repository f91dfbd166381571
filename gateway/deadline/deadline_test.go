package deadline

import (
	"net"
	"testing"
	"time"
)

func pair(t *testing.T) (here, there net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if there, err = net.Dial("tcp", l.Addr().String()); err != nil {
		t.Fatal(err)
	}
	if here, err = l.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close(); there.Close() })
	return here, there
}

func TestWaitsEndAndNotEarly(t *testing.T) {
	t.Parallel()
	s := New(2 * time.Millisecond)
	defer s.Close()
	here, _ := pair(t)
	timer := s.Watch(here, nil)
	defer timer.Forget()
	timer.Set(20 * time.Millisecond)
	began := time.Now()
	_, err := here.Read(make([]byte, 1))
	overdue, _ := timer.Overdue(err)
	if took := time.Since(began); !overdue || took < 20*time.Millisecond {
		t.Errorf("after %v: %v, overdue %v", took, err, overdue)
	}
}

// A machine that is busy elsewhere runs the sweep late: a wait that began meanwhile has its whole time all the same.
func TestLateSweepEndsNoWaitEarly(t *testing.T) {
	t.Parallel()
	s := &Sweeper{tick: time.Millisecond, start: time.Now().Add(-time.Minute), all: map[*Timer]struct{}{}} // no sweep for a minute
	here, there := pair(t)
	s.Watch(here, nil).Set(20 * time.Millisecond)
	s.sweep()
	if _, err := there.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if n, err := here.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("%d, %v: the wait had ended already", n, err)
	}
	if now := s.Now(); now < time.Minute {
		t.Errorf("it is %v by the sweeper's clock, want the true time", now)
	}
}

// An interruption that comes too late, when another wait has begun, is told apart and undone.
func TestLateInterruptionIsUndone(t *testing.T) {
	t.Parallel()
	s := New(time.Hour)
	defer s.Close()
	here, there := pair(t)
	timer := s.Watch(here, nil)
	timer.Set(time.Minute)
	timer.Interrupt()
	_, err := here.Read(make([]byte, 1))
	if overdue, again := timer.Overdue(err); overdue || !again {
		t.Fatalf("overdue %v, again %v, want a repeat", overdue, again)
	}
	if _, err := there.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if n, err := here.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("%d, %v after the deadline was taken off", n, err)
	}
}

// A peer that leaves is noticed though its bytes lie unread (W-84).
func TestLeavingIsNoticed(t *testing.T) {
	t.Parallel()
	s := New(2 * time.Millisecond)
	defer s.Close()
	here, there := pair(t)
	gone := make(chan struct{})
	timer := s.Watch(here, func() { close(gone) })
	if _, err := there.Write([]byte("unread")); err != nil {
		t.Fatal(err)
	}
	timer.Look(time.Millisecond)
	select {
	case <-gone:
		t.Fatal("gone before it left")
	case <-time.After(20 * time.Millisecond):
	}
	there.Close()
	<-gone
}
