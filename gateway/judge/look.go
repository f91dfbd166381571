package judge

// Version is that of the arithmetic: a verdict can be made again by the same version only.
const Version = 1

// Look is the verdict on an experiment as it stands.
func Look(s State, now Situation, p Policy) Verdict {
	v := Verdict{Kind: Hold, Reason: "sample", Version: Version, Evidence: s.evidence(&p)}
	if v.Evidence[0].E >= v.Evidence[0].Threshold || s.Critical > 0 {
		v.Kind, v.Reason, v.Blame = Rollback, "harm", Service
	} else if s.Common {
		v.Reason, v.Blame = "common", Both
	} else if now.Next > 0 && now.At.Sub(now.Since) >= now.Dwell && min(s.Side[New].Visitors, s.Side[Legacy].Visitors) >= now.Sample {
		v.Kind, v.Reason = PromoteOK, "clean"
	}
	return v
}
