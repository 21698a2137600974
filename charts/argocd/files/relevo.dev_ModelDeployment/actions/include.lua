-- Trainings use again what was left out for a broken column; the record of each batch will say who took it back.
local os = require("os")
-- Argo CD runs an action that its discovery disabled, if its API is asked to; the annotation would lie in wait.
if obj.spec.retraining == nil then
  error("expected spec.retraining, which says whom to ask for taking batches back, it is missing: set it in git", 0)
end
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["relevo.dev/include"] = "all: asked in Argo CD at " .. os.date("!%Y-%m-%dT%H:%M:%SZ")
return obj
