-- Any new value makes the operator try the version once more that it gave up.
local os = require("os")
-- Argo CD runs an action that its discovery disabled, if its API is asked to.
if obj.status == nil or obj.status.failedVersion == nil then
  error("expected a version that was given up (status.failedVersion), there is none: nothing to retry", 0)
end
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["relevo.dev/retry"] = os.date("!%Y-%m-%dT%H:%M:%SZ")
return obj
