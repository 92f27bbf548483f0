//! The sampled softmax in plain operations of candle, whose gradients are candle's own: for devices that the operation of
//! our own is not written for.

use candle_core::{DType, Result, Tensor, Var};

use super::{SampledSoftmax, Slopes};

/// Events by user, padded to the most that one user has.
struct Padded {
    /// `(users, width)` rows of candidates; 0 where there is no event.
    candidates: Tensor,
    /// `(users, width)` what events count; 0 where there is none.
    weights: Tensor,
    /// `(users, width)` 1 for an event.
    present: Tensor,
}

impl SampledSoftmax {
    /// Value and gradients at users `(users, dim)` and candidates `(candidates, dim)`, on the device that these are on.
    ///
    /// They differ from those of the operation in the order of additions alone: by some 1e-5 of the loss and of the largest
    /// slope. Memory: some eight tables of users by candidates.
    pub(in crate::models) fn by_tensors(&self, users: &Tensor, candidates: &Tensor) -> Result<(f64, Slopes)> {
        self.check(users.dims2()?, candidates.dims2()?)?;
        let (users, candidates) = (Var::from_tensor(users)?, Var::from_tensor(candidates)?);
        let loss = self.value(&users, &candidates)?;
        let gradients = loss.backward()?;
        let flat = |var: &Var| match gradients.get(var) {
            Some(slopes) => slopes.flatten_all()?.to_vec1::<f32>(),
            None => Ok(vec![0.0; var.elem_count()]),
        };
        let slopes = Slopes { users: flat(&users)?, candidates: flat(&candidates)? };
        Ok((f64::from(loss.to_scalar::<f32>()?), slopes))
    }

    fn value(&self, users: &Tensor, candidates: &Tensor) -> Result<Tensor> {
        let (n_users, n_candidates, device) = (users.dim(0)?, candidates.dim(0)?, users.device());
        let Padded { candidates: events, weights, present } = self.padded(users)?;
        let likely = (users.matmul(&candidates.t()?)? / f64::from(self.temperature))?.exp()?;
        let own = likely.gather(&events, 1)?;
        let taken = Tensor::zeros((n_users, n_candidates), DType::F32, device)?.scatter_add(&events, &present, 1)?;
        let mass = Tensor::from_slice(&self.mass[..], (1, n_candidates), device)?;
        let left = taken.affine(-1.0, 1.0)?.broadcast_mul(&mass)?;
        let others = (&likely * left)?.sum_keepdim(1)?;
        let chance = (&own / own.broadcast_add(&others)?)?;
        (chance.log()? * weights)?.sum_all()?.neg()
    }

    fn padded(&self, users: &Tensor) -> Result<Padded> {
        let n_users = users.dim(0)?;
        let width = self.positives.chunk_by(|a, b| a.user == b.user).map(<[_]>::len).max().unwrap_or(1);
        let (mut candidates, mut weights) = (vec![0u32; n_users * width], vec![0f32; n_users * width]);
        let mut present = vec![0f32; n_users * width];
        for events in self.positives.chunk_by(|a, b| a.user == b.user) {
            for (at, event) in events.iter().enumerate() {
                let place = event.user as usize * width + at;
                (candidates[place], weights[place], present[place]) = (event.candidate, event.weight, 1.0);
            }
        }
        let (shape, device) = ((n_users, width), users.device());
        Ok(Padded {
            candidates: Tensor::from_vec(candidates, shape, device)?,
            weights: Tensor::from_vec(weights, shape, device)?,
            present: Tensor::from_vec(present, shape, device)?,
        })
    }
}
