-- What can be asked of a ModelDeployment in Argo CD; docs/argocd.md.
local given_up = obj.status ~= nil and obj.status.failedVersion ~= nil
return {
  refresh = { displayName = "Ask MLflow now", disabled = false },
  retry = { displayName = "Try the failed version again", disabled = not given_up },
  retrain = { displayName = "Train a new version", disabled = obj.spec.retraining == nil },
  include = { displayName = "Take back all batches left out", disabled = obj.spec.retraining == nil },
}
