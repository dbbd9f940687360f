"""Users with utilities who choose noisily, every slot having a noise of its own: logit and probit.

`population` holds them and `contests` is what an opponent meets. Utilities fall into `chains`, within which noise
decides; `kernel` is the fast way to payoffs against samples, `blocks` the plain way to everything else, `jacobian` that
to derivatives, and `laws` the two laws of noise.
"""
