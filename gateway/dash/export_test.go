package dash

// Endpoints are the API's, each with its role, as openapi.json writes them.
func Endpoints() (all []string) {
	for _, c := range (&api{}).calls() {
		if c.pattern != "POST /v1/groups/{verb}" {
			all = append(all, c.pattern+" "+string(c.need))
		}
	}
	for name, v := range verbs {
		if name != "set" {
			all = append(all, "POST /v1/groups/{group}:"+name+" "+string(v.need))
		}
	}
	return all
}
