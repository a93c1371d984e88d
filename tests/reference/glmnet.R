# Reference numbers for test_glmnet.py: Rscript glmnet.R > glmnet.json (glmnet, jsonlite).
# y is scaled to weighted variance 1, for which glmnet's elastic net has the textbook
# objective; it rescales penalty factors to sum to the number of features.
suppressMessages(library(glmnet))
library(jsonlite)
set.seed(1)
n <- 40; p <- 12
x <- matrix(rnorm(n * p), n) %*% chol(0.5^abs(outer(1:p, 1:p, "-"))) * rep(exp(rnorm(p)), each = n) + 3
y <- as.vector(x[, 1:3] %*% c(1, -1, 0.5)) + rnorm(n)
weights <- sample(1:4, n, TRUE)
offset <- rnorm(n)
factors <- c(0, rep(1, 5), rep(2, 6)); factors <- factors * p / sum(factors)
unit <- function(v, w) v / sqrt(weighted.mean((v - weighted.mean(v, w))^2, w))
one <- rep(1, n)
control <- list(thresh = 1e-22, maxit = 1e7)
fit <- function(label, alpha = 1, lambda = c(0.5, 0.2, 0.05), w = one, o = 0 * one, pf = rep(1, p),
                lower = -Inf, standardize = TRUE, intercept = TRUE) {
  response <- unit(y - o, w) + o
  m <- glmnet(x, response, weights = w, offset = o, alpha = alpha, lambda = lambda,
              penalty.factor = pf, lower.limits = lower, standardize = standardize,
              intercept = intercept, thresh = control$thresh, maxit = control$maxit)
  list(label = label, y = response, alpha = alpha, lambda = lambda, weights = w, offset = o,
       factors = pf, positive = is.finite(lower), standardize = standardize,
       intercept = intercept, a0 = as.vector(m$a0), beta = as.matrix(t(m$beta)))
}
cases <- list(
  fit("lasso"),
  fit("elastic net", alpha = 0.5),
  fit("weights", w = weights),
  fit("offset", o = offset),
  fit("penalty factors", pf = factors),
  fit("positive", lower = 0),
  fit("raw columns", standardize = FALSE),
  fit("all at once", alpha = 0.7, w = weights, o = offset, pf = factors, lower = 0)
)
cat(toJSON(list(versions = list(R = as.character(getRversion()),
                                glmnet = as.character(packageVersion("glmnet"))),
                x = x, cases = cases), digits = 16, auto_unbox = TRUE, pretty = FALSE))
