"""Why a price is what it is: SHAP values from the trees themselves, without XGBoost in the process."""
