package move

import (
	"strings"

	"github.com/google/uuid"
)

// owner names a hold, like no other before or after, and says where its process can be looked for: "CHANCE@PLACE".
func owner() string { return uuid.NewString() + "@" + here() }

// dead says that the process of a hold is known to be no longer there. It spares the wait for its lease and is nothing to
// rely on: whoever is taken for gone and lives finds its hold lost at the next commit, as it does after a lease.
func dead(owner string) bool {
	_, place, _ := strings.Cut(owner, "@")
	return place != "" && left(place)
}
