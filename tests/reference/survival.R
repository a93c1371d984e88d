# Reference numbers for test_survival.py: Rscript survival.R > survival.json (survival, glmnet,
# jsonlite). glmnet knows Breslow's ties only; it rescales penalty factors to sum to the number
# of features.
suppressMessages({library(survival); library(glmnet)})
library(jsonlite)
set.seed(2)
n <- 80; p <- 6
x <- matrix(rnorm(n * p), n) %*% chol(0.5^abs(outer(1:p, 1:p, "-"))) * rep(exp(rnorm(p) / 2), each = n)
risk <- as.vector(x[, 1:3] %*% c(1, -0.7, 0.5))
failure <- rexp(n) * exp(-risk); censoring <- 2 * rexp(n)
time <- ceiling(8 * pmin(failure, censoring)) / 8
event <- failure <= censoring
weights <- sample(1:4, n, TRUE) / 2
strata <- sample(1:3, n, TRUE)
offset <- rnorm(n) / 2
one <- rep(1, n)

cox <- function(label, ties, w = one, s = one, o = 0 * one) {
  data <- data.frame(time, event, w, s, o); data$x <- x
  fit <- coxph(Surv(time, event) ~ x + strata(s) + offset(o), data, weights = w, ties = ties,
               control = coxph.control(eps = 1e-13, toler.chol = 1e-16, iter.max = 100))
  b <- unname(coef(fit))
  base <- basehaz(fit, centered = FALSE)
  c <- concordance(Surv(time, event) ~ risk + strata(s), data, weights = w, reverse = TRUE)
  list(label = label, ties = ties, weights = w, strata = s, offset = o, beta = b,
       loglik = fit$loglik, variance = unname(if (is.null(fit$naive.var)) fit$var else fit$naive.var),
       martingale = unname(residuals(fit, "martingale")),
       # R evaluates it at the weighted mean of the offsets
       base = list(time = base$time, hazard = base$hazard * exp(-weighted.mean(o, w)),
                   stratum = if (is.null(base$strata)) rep(1, nrow(base)) else as.integer(base$strata)),
       concordance = unname(c$concordance))
}
path <- function(label, alpha = 1, lambda = c(0.15, 0.05, 0.01), w = one, s = one, o = 0 * one,
                 pf = rep(1, p), lower = -Inf, upper = Inf, standardize = TRUE) {
  response <- Surv(time, event)
  if (length(unique(s)) > 1) response <- stratifySurv(response, s)
  m <- glmnet(x, response, "cox", weights = w, offset = o, alpha = alpha, lambda = lambda,
              penalty.factor = pf, lower.limits = lower, upper.limits = upper,
              standardize = standardize, thresh = 1e-22, maxit = 1e7)
  list(label = label, alpha = alpha, lambda = lambda, weights = w, strata = s, offset = o,
       factors = pf, lower = max(lower, -1e300), upper = min(upper, 1e300),
       standardize = standardize, beta = as.matrix(t(m$beta)))
}
factors <- c(0, 1, 1, 2, 2, 2); factors <- factors * p / sum(factors)
fits <- list()
for (ties in c("breslow", "efron")) fits <- c(fits, list(
  cox("plain", ties),
  cox("weights", ties, w = weights),
  cox("strata", ties, s = strata),
  cox("all at once", ties, w = weights, s = strata, o = offset)
))
paths <- list(
  path("lasso"),
  path("elastic net", alpha = 0.5),
  path("weights", w = weights),
  path("strata", s = strata),
  path("offset", o = offset),
  path("penalty factors", pf = factors),
  path("positive", lower = 0),
  path("raw columns", standardize = FALSE),
  path("all at once", alpha = 0.7, w = weights, s = strata, o = offset, pf = factors, lower = 0)
)
versions <- list(R = as.character(getRversion()), survival = as.character(packageVersion("survival")),
                 glmnet = as.character(packageVersion("glmnet")))
cat(toJSON(list(versions = versions, x = x, time = time, event = event, risk = risk, fits = fits,
                paths = paths), digits = 16, auto_unbox = TRUE, pretty = FALSE))
